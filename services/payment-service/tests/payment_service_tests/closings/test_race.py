"""Closes at once with counting, with each other, and with two workers, on databases of their own.

Where a worker is killed, its connection is cut in the middle of a step.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.month_closing import agree_to_close, find_faults
from payment_service_tests.village import (
    Village,
    apply_all,
    apply_events,
    book,
    noon,
    read_until,
)
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service
from payment_service.closings.models import Closing
from payment_service.closings.rules import (
    ClosingDecided,
    ClosingProposed,
    ClosingStatus,
    ClosingVerdict,
)
from payment_service.closings.tasks import Closer
from payment_service.commissions import service as commissions
from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements.models import Statement
from payment_service.ledger import service as ledger
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.worker import Periodic, Turn
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = [pytest.mark.race, pytest.mark.soak]

NOVEMBER = Month(2025, 11)
VILLAGES = 6


@pytest.fixture
async def own(
    own_database: Callable[[str], Urls], keyring: Keyring, business_time: BusinessTime
) -> AsyncIterator[Database]:
    """A database in December, with villages that have earned in November and in December."""
    database = Database(own_database("payment").app, keyring=keyring)
    business_time.at(noon(NOVEMBER.plus(1)))
    villages = [Village() for _ in range(VILLAGES)]
    for count, village in enumerate(villages, start=1):
        village.enrol(count, NOVEMBER)
        village.enrol(1, NOVEMBER.plus(1))
    async with database.begin() as session:
        await apply_all(session, *villages)
        await read_until(
            session,
            clock.now(),
            "commissions.payments",
            "commissions.members",
            "commissions.agents",
        )
    yield database
    await database.dispose()


async def agree(database: Database, settings: Settings) -> None:
    async with database.begin() as session:
        await agree_to_close(session, NOVEMBER, settings=settings)


async def amounts(database: Database) -> dict[UUID, int]:
    async with database.read() as session:
        rows = await session.execute(select(Statement.beneficiary_id, Statement.amount))
        return {row[0]: row[1] for row in rows}


async def earned(database: Database) -> dict[UUID, int]:
    """Return what the lines of November come to, in rupiah."""
    async with database.read() as session:
        rows = await session.execute(
            select(CommissionLine.beneficiary_id, func.sum(CommissionLine.parts))
            .where(CommissionLine.booked_month == NOVEMBER)
            .group_by(CommissionLine.beneficiary_id)
        )
        return {who: int(parts) // 10_000 for who, parts in rows}


async def closing_of(database: Database) -> Closing:
    async with database.read() as session:
        return await service.get(session, NOVEMBER)


async def check_books(database: Database) -> None:
    async with database.read() as session:
        assert await find_faults(session) == []


async def outcomes(*acts: Awaitable[Any]) -> Counter[type]:
    found = await asyncio.gather(*acts, return_exceptions=True)
    return Counter(type(each) for each in found)


async def test_of_many_proposals_and_decisions_at_once_one_counts(
    own: Database, settings: Settings
) -> None:
    async def propose() -> Closing:
        async with own.begin() as session:
            return await service.propose(session, NOVEMBER, by=new_id(), settings=settings)

    async def confirm() -> Closing:
        async with own.begin() as session:
            return await service.decide(
                session,
                NOVEMBER,
                verdict=ClosingVerdict.CONFIRMED,
                by=new_id(),
                settings=settings,
            )

    assert await outcomes(*(propose() for _ in range(4))) == {Closing: 1, ClosingProposed: 3}
    assert await outcomes(*(confirm() for _ in range(4))) == {Closing: 1, ClosingDecided: 3}


async def test_two_workers_at_once_close_a_month_once(own: Database, settings: Settings) -> None:
    await agree(own, settings)

    # Without the lease, which usually keeps the second one away.
    await asyncio.gather(*(Closer(settings, batch=1).run(own) for _ in range(3)))

    assert await amounts(own) == await earned(own)
    assert (await closing_of(own)).statement_count == 2 * VILLAGES
    await check_books(own)


async def test_under_its_lease_one_worker_works(own: Database, settings: Settings) -> None:
    await agree(own, settings)
    tasks = [Periodic("closings.run", 10, Closer(settings, batch=1).run) for _ in range(2)]

    turns = await asyncio.gather(*(each.run_once(own) for each in tasks))

    assert Counter(turns) == {Turn.DONE: 1, Turn.SKIPPED: 1}
    assert (await closing_of(own)).status is ClosingStatus.DONE


class Cut(Closer):
    """A worker whose connection is cut in the middle of one of its steps."""

    def __init__(self, settings: Settings, *, step: int) -> None:
        super().__init__(settings, batch=5)
        self._settings_of_step = settings
        self._left = step

    async def _step(self, database: Database) -> bool:
        if self._left:
            self._left -= 1
            return await super()._step(database)
        async with database.begin() as session:
            await service.step(session, batch=5, settings=self._settings_of_step)
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        raise AssertionError("the connection is cut")


@pytest.mark.parametrize("step", range(6))
async def test_a_worker_that_dies_in_a_step_is_followed_by_another(
    own: Database, settings: Settings, step: int
) -> None:
    await agree(own, settings)

    with pytest.raises(DBAPIError):
        await Cut(settings, step=step).run(own)
    await check_books(own)
    await Closer(settings, batch=5).run(own)

    assert await amounts(own) == await earned(own)
    closing = await closing_of(own)
    assert (closing.status, closing.statement_count) == (ClosingStatus.DONE, 2 * VILLAGES)
    await check_books(own)
    async with own.read() as session:
        found = await ledger.list_accounts(session, cursor=None, limit=200)
    owed = {each.account: each.balance for each in found.items}
    assert owed.pop("incentive_expense:2025-11") == sum((await amounts(own)).values())
    assert owed == {f"incentive_payable:{who}": each for who, each in (await amounts(own)).items()}


async def test_counting_goes_on_while_a_month_is_closed(own: Database, settings: Settings) -> None:
    await agree(own, settings)
    late = [Village() for _ in range(8)]
    for village in late:
        village.enrol(1, NOVEMBER)
    async with own.begin() as session:
        await step_once(session, settings)  # from here on November is closed

    async def count(village: Village) -> None:
        async with own.begin() as session:
            await book(session, village.settled)
            await apply_events(session, [*village.decided, *village.settled, *village.answered])
        async with own.begin() as session:
            await commissions.compute_due(session, 500)

    await asyncio.gather(*(count(each) for each in late), Closer(settings, batch=1).run(own))
    async with own.begin() as session:
        await commissions.compute_due(session, 500)

    stated = await amounts(own)
    assert stated == await earned(own)
    assert not {each.agent_id for each in late} & set(stated)
    async with own.read() as session:
        booked = await session.scalars(
            select(CommissionLine.booked_month).where(
                CommissionLine.agent_id.in_([each.agent_id for each in late])
            )
        )
        assert set(booked) == {NOVEMBER.plus(1)}
    await check_books(own)


async def step_once(session: AsyncSession, settings: Settings) -> None:
    assert await service.step(session, batch=1, settings=settings)
