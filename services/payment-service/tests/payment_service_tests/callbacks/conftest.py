"""Banks that call us, and what we kept of their calls."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.rules import PartnerClient
from payment_service.bank_access.rules import Wire as WireRequest
from payment_service.bank_access.schemas import Signed
from payment_service.banks.rules import PartnerStatus, Sources
from payment_service.callbacks import service
from payment_service.callbacks.models import Callback
from payment_service.callbacks.schemas import Message
from payment_service.payments.models import Payment
from payment_service.testing import Bank, external_id
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from snap_bi.codes import Service
from snap_bi.headers import TransactionHeaders
from snap_bi.profiles import ReplayAnswer
from snap_bi.verification import Step

Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]


@pytest.fixture
def kept(session: AsyncSession) -> Kept:
    """Read every message that was kept, in order."""

    async def read() -> list[Callback]:
        return list(await session.scalars(select(Callback).order_by(Callback.id)))

    return read


@pytest.fixture
def booked(session: AsyncSession) -> Booked:
    """Read every payment."""

    async def read() -> list[Payment]:
        return list(await session.scalars(select(Payment).order_by(Payment.id)))

    return read


Undone = Callable[[Bank], AbstractAsyncContextManager[None]]


@pytest.fixture
def undone(session: AsyncSession) -> Undone:
    """Run a block whose writes are undone at its end: `async with undone(bank)`.

    So many cases begin from the same state, which is made once.
    """

    @asynccontextmanager
    async def run(bank: Bank) -> AsyncIterator[None]:
        await session.flush()
        async with session.begin_nested() as savepoint:
            await session.connection()  # only now the database hears of the savepoint
            yield
            await savepoint.rollback()
        await session.refresh(bank.partner)

    return run


MakeFlag = Callable[..., Message]


@pytest.fixture
def flag(keyring: Keyring) -> MakeFlag:
    """Build a payment flag of a bank whose signature was found good: `flag(bank, content)`."""

    def make(bank: Bank, content: dict[str, Any], *, number: str | None = None) -> Message:
        now = clock.real_now()
        signed = Signed(
            id=new_id(),
            service=Service.PAYMENT,
            client=make_client_of(bank),
            wire=WireRequest("POST", "/x", {}, json.dumps(content).encode(), None),
            headers=TransactionHeaders(
                timestamp=now.isoformat(),
                at=now,
                signature="",
                partner_id=bank.partner.client_id,
                external_id=number or external_id(),
                channel_id="95001",
                token=None,
            ),
            step=Step.LEXICAL_MINIFY,
            received_at=now,
        )
        return service.read_payment(signed, keyring)

    return make


def make_client_of(bank: Bank) -> PartnerClient:
    """Return the client of a bank as the gate knows it."""
    partner = bank.partner
    return PartnerClient(
        partner_id=partner.id,
        profile=bank.profile,
        company_code=partner.company_code,
        client_id=partner.client_id,
        client_secret=bank.client_secret,
        public_key=bank.key.public_key(),
        sources=Sources(),
        replay_answer=partner.replay_answer or ReplayAnswer.STORED_SUCCESS,
        is_active=partner.status is PartnerStatus.ACTIVE,
        bank_time_tolerance=timedelta(minutes=10),
    )
