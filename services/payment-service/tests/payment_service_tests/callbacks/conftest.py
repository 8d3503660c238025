"""Banks that call us, and what we kept of their calls."""

import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from payment_service_tests.callbacks.counters import open_counter as open_counter
from payment_service_tests.partner_bank import Bank, external_id, make_offer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.bank_access.rules import PartnerClient
from payment_service.bank_access.rules import Wire as WireRequest
from payment_service.bank_access.schemas import Signed
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus, Sources
from payment_service.callbacks import service
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.callbacks.schemas import Message, Outcome
from payment_service.clients.members import ContributionBasis
from payment_service.orders.schemas import IssuedOrderOut
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import MakeApp, Tokens, Urls, Wire, open_app_client
from snap_bi.codes import Service
from snap_bi.headers import TransactionHeaders
from snap_bi.profiles import PROFILES, ReplayAnswer
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
        keeps_refused_money=partner.keeps_refused_money,
    )


Take = Callable[..., Awaitable[list[Outcome]]]


@pytest.fixture
def take(session: AsyncSession, keyring: Keyring) -> Take:
    """Take a batch in the transaction of the test."""

    async def in_session(messages: list[Message], **how: bool) -> list[Outcome]:
        return await service.take_payments(make_executor(session), keyring, messages, **how)

    return in_session


MakePartner = Callable[..., Awaitable[BankPartner]]


class Town:
    """A database of its own, with two apps on it and one bank that talks to both."""

    def __init__(self, urls: Urls, database: Database, banks: list[Bank]) -> None:
        self.urls = urls
        self.database = database
        self.banks = banks

    async def count(self, table: type[Payment] | type[EventRow], *conditions: object) -> int:
        async with self.database.read() as session:
            counted = select(func.count()).select_from(table).where(*conditions)  # type: ignore[arg-type]  # SQL conditions
            return await session.scalar(counted) or 0

    async def verdicts(self) -> Counter[CallbackOutcome]:
        async with self.database.read() as session:
            return Counter(await session.scalars(select(Callback.verdict)))

    async def faults(self) -> list[str]:
        async with self.database.read() as session:
            return await checks.find_faults(session)


OpenTown = Callable[..., Awaitable[Town]]


@pytest.fixture
async def open_town(
    *,
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    make_app: MakeApp,
    make_partner: MakePartner,
    wire: Wire,
    bank_key: RSAPrivateKey,
    bank_key_pem: str,
) -> AsyncIterator[OpenTown]:
    async with AsyncExitStack() as stack:

        async def open_(profile: str = "generic-hmac") -> Town:
            urls = own_database("payment")
            database = Database(urls.app, keyring=keyring)
            stack.push_async_callback(database.dispose)
            client_secret = secrets.token_urlsafe(48)
            async with database.begin() as session:
                partner = await make_partner(
                    session,
                    profile=profile,
                    replay_answer=PROFILES[profile].replay_answer or ReplayAnswer.STORED_SUCCESS,
                    client_secret=client_secret,
                    public_key_pem=bank_key_pem,
                )
            banks = []
            for _ in range(2):
                client = await stack.enter_async_context(
                    open_app_client(make_app(urls=urls, wire=wire))
                )
                banks.append(Bank(client, partner, bank_key, client_secret))
            if PROFILES[profile].needs_token:
                banks[1].token = await banks[0].take_token()
            return Town(urls, database, banks)

        yield open_


NOVEMBER = Month(2026, 11)
MakeMembers = Callable[[int], list[ContributionBasis]]
IssueOrder = Callable[..., Awaitable[IssuedOrderOut]]


@pytest.fixture
def make_members(
    make_basis: Callable[..., ContributionBasis],
    member_answers: Callable[[ContributionBasis], None],
) -> MakeMembers:
    """Make members whom member-service knows."""

    def make(count: int) -> list[ContributionBasis]:
        bases = [make_basis(offers=[make_offer(NOVEMBER)]) for _ in range(count)]
        for basis in bases:
            member_answers(basis)
        return bases

    return make


@pytest.fixture
def issue_order(tokens: Tokens) -> IssueOrder:
    """Issue an order of the bills of these members from November on, over HTTP."""

    async def issue(
        client: httpx.AsyncClient, members: Sequence[ContributionBasis], *, month_count: int = 1
    ) -> IssuedOrderOut:
        asked = [
            {
                "member_id": str(each.member_id),
                "first_month": str(NOVEMBER),
                "month_count": month_count,
            }
            for each in members
        ]
        answer = await client.post(
            "/v1/orders",
            json={"name": "Keluarga Aminah", "bills": asked},
            headers={**tokens.make(Role.ADMIN), "Idempotency-Key": str(new_id())},
        )
        assert answer.status_code == 201, answer.text
        return IssuedOrderOut.model_validate(answer.json())

    return issue
