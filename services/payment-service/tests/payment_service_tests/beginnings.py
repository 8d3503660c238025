"""What tests begin with: months of villages, closed months, and a released run of payouts."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from payment_service_tests.month_closing import close_month
from payment_service_tests.office import Office, PayeeBook, know, open_account
from payment_service_tests.village import Village, apply_all, noon, read_until
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.services.app import create_kit
from perisai_kit.testing.plugin import BusinessTime, Tokens, Wire

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
Close = Callable[[Month], Awaitable[None]]
Live = Callable[[Tell, Close, AsyncSession], Awaitable[Any]]


@dataclass(frozen=True)
class Paying:
    """Villages whose November is closed, what agent-service knows of them, and who pays them.

    account_id: the account of ours. run_id: of the run that pays November, if it is released.
    """

    villages: Sequence[Village]
    book: PayeeBook
    account_id: UUID
    run_id: UUID | None = None


@dataclass(frozen=True)
class Earned:
    """A step: villages earn in November, and it is closed in the middle of December.

    counts: new members of each village.
    """

    counts: tuple[int, ...]
    settings: Settings
    clock_file: Path

    async def __call__(self, database: Database, _: None) -> Paying:
        villages, book = [Village() for _ in self.counts], PayeeBook()
        async with database.begin() as session:
            for village, count in zip(villages, self.counts, strict=True):
                village.enrol(count, NOVEMBER)
            await know(session, book, *villages, pays=PaymentMethod.AGENTS)
            await apply_all(session, *villages)
            time = BusinessTime(self.clock_file)
            await close_in_time(session, NOVEMBER, settings=self.settings, time=time)
            account = await open_account(session)
        return Paying(villages, book, account.id)


@dataclass(frozen=True)
class Released:
    """A step: officers release a run that pays what was earned."""

    settings: Settings
    tokens: Tokens

    async def __call__(self, database: Database, paying: Paying) -> Paying:
        office = make_office(database, self.settings, Wire(self.tokens), paying.book)
        run_id = await office.prepare(paying.account_id, NOVEMBER)
        await office.release(run_id)
        return replace(paying, run_id=run_id)


@dataclass(frozen=True)
class Lived:
    """A step: what villages live through, in one transaction.

    live: is called with `tell`, `close` and a session; what it returns is what tests get.
    """

    live: Live
    settings: Settings
    clock_file: Path

    async def __call__(self, database: Database, _: object) -> Any:
        time = BusinessTime(self.clock_file)
        async with database.begin() as session:
            close = partial(close_in_time, session, settings=self.settings, time=time)
            return await self.live(partial(apply_all, session), close, session)


def make_office(database: Database, settings: Settings, wire: Wire, book: PayeeBook) -> Office:
    """Make an office that asks agent-service about payees over the wire."""
    wire.answer("agent", book.answer)
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    return Office(database, settings, PayeesClient(kit.client(settings.agent_url)))


async def close_in_time(
    session: AsyncSession, month: Month, *, settings: Settings, time: BusinessTime
) -> None:
    """Close a month in the middle of the next, everything read."""
    time.at(noon(month.plus(1)))
    await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
    await close_month(session, month, settings=settings)
