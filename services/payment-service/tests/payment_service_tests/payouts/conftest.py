"""Closed months with payees, an account of ours, and officers who pay them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.months.schemas import CommissionMonthOut
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payouts.models import Payout
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from payment_service.testing_commissions import Village
from payment_service.testing_payouts import Office, PayeeBook, know, open_account
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.services.app import create_kit
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import Tokens

NOVEMBER = Month(2025, 11)
TransferOf = Callable[[Village], Awaitable[PayoutTransfer]]
Earn = Callable[..., Awaitable[list[Village]]]
Close = Callable[..., Awaitable[CommissionMonthOut]]
Tell = Callable[..., Awaitable[None]]


@pytest.fixture
def book(wire: Wire) -> PayeeBook:
    """What agent-service knows of payees."""
    book = PayeeBook()
    wire.answer("agent", book.answer)
    return book


@pytest.fixture
def office(database: Database, settings: Settings, wire: Wire, book: PayeeBook) -> Office:
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    return Office(database, settings, PayeesClient(kit.client(settings.agent_url)))


@pytest.fixture
async def account(session: AsyncSession) -> PayoutAccount:
    return await open_account(session)


@pytest.fixture
def earn(session: AsyncSession, tell: Tell, close: Close, book: PayeeBook) -> Earn:
    """Let villages earn in a month and close it.

    counts: new members of each; 3 of them earn the agent 16,560 and the wadah 1,656.
    """

    async def earn(
        *counts: int,
        month: Month = NOVEMBER,
        pays: PaymentMethod = PaymentMethod.AGENTS,
        villages: list[Village] | None = None,
        **more: Any,
    ) -> list[Village]:
        chosen = villages or [Village() for _ in counts]
        for village, count in zip(chosen, counts, strict=True):
            village.enrol(count, month, **more)
        if villages is None:
            await know(session, book, *chosen, pays=pays)
        await tell(*chosen)
        await close(month)
        return chosen

    return earn


@pytest.fixture
def officer(tokens: Tokens) -> Callable[[], dict[str, str]]:
    """Another finance officer of the country each time, with a key of the request."""

    def make() -> dict[str, str]:
        country = {"kind": ScopeKind.COUNTRY}
        headers = tokens.make(Role.FINANCE_OFFICER, scope=country, account_id=new_id())
        return {**headers, "Idempotency-Key": str(new_id())}

    return make


@pytest.fixture
async def village(office: Office, account: PayoutAccount, earn: Earn) -> Village:
    """An agent with 16,560 of November (tax 414) in a released payout; the wadah has another."""
    (village,) = await earn(3)
    await office.release(await office.prepare(account.id, NOVEMBER))
    return village


@pytest.fixture
def transfer_of(session: AsyncSession) -> TransferOf:
    """Return the last attempt of the agent's payout."""

    async def find(village: Village) -> PayoutTransfer:
        chosen = (
            select(PayoutTransfer)
            .join(Payout, Payout.id == PayoutTransfer.payout_id)
            .where(Payout.payee_id == village.agent_id)
            .order_by(PayoutTransfer.id.desc())
            .execution_options(populate_existing=True)
        )
        return (await session.scalars(chosen.limit(1))).one()

    return find
