"""Closed months with payees, an account of ours, and officers who pay them."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.beginnings import Earned, Released, make_office
from payment_service_tests.office import Office, PayeeBook, know, open_account
from payment_service_tests.village import Village
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payouts.models import Payout
from payment_service.settings import Settings
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.testing.plugin import Begun, Step, Tokens, Wire

NOVEMBER = Month(2025, 11)
TransferOf = Callable[[Village], Awaitable[PayoutTransfer]]
Earn = Callable[..., Awaitable[list[Village]]]
Close = Callable[..., Awaitable[None]]
Tell = Callable[..., Awaitable[None]]


@pytest.fixture
def beginning(
    request: pytest.FixtureRequest, settings: Settings, clock_file: Path, tokens: Tokens
) -> Sequence[Step]:
    """A village with three new members, if a test asks for it, and a run that pays it."""
    names, earned = set(request.fixturenames), Earned((3,), settings, clock_file)
    if names & {"village", "run_id"}:
        return [earned, Released(settings, tokens)]
    return [earned] if "earner" in names else []


@pytest.fixture
def earner(begun: Begun) -> Village:
    """A village with 16,560 of November for the agent, and 1,656 for the wadah."""
    village: Village = begun.made.villages[0]
    return village


@pytest.fixture
def village(begun: Begun) -> Village:
    """An agent with 16,560 of November (tax 414) in a released payout; the wadah has another."""
    village: Village = begun.made.villages[0]
    return village


@pytest.fixture
def run_id(begun: Begun) -> UUID:
    """The released run that pays the village."""
    run_id: UUID = begun.made.run_id
    return run_id


@pytest.fixture
def book(wire: Wire, begun: Begun) -> PayeeBook:
    """What agent-service knows of payees."""
    book: PayeeBook = begun.made.book if begun.made else PayeeBook()
    wire.answer("agent", book.answer)
    return book


@pytest.fixture
def office(database: Database, settings: Settings, wire: Wire, book: PayeeBook) -> Office:
    return make_office(database, settings, wire, book)


@pytest.fixture
async def account(session: AsyncSession, begun: Begun) -> PayoutAccount:
    """An account of ours to pay from."""
    if begun.made:
        return await session.get_one(PayoutAccount, begun.made.account_id)
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
