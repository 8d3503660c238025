"""Comparisons beside the work that books, and workers that die: on a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from payment_service_tests.month_closing import close_month
from payment_service_tests.village import (
    Village,
    apply_all,
    apply_events,
    noon,
    read_until,
)
from sqlalchemy import select

from payment_service.commissions import service as commissions
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.scheme_comparisons import service
from payment_service.scheme_comparisons.models import ComparedBeneficiary, SchemeComparison
from payment_service.scheme_comparisons.tasks import Comparer
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import NEW_PERISAI
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = [pytest.mark.race, pytest.mark.soak]
NOVEMBER = Month(2025, 11)


@pytest.fixture
async def own(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    business_time: BusinessTime,
    settings: Settings,
) -> AsyncIterator[tuple[Database, Village]]:
    """A database with a closed month, and a village that earned in it."""
    database = Database(own_database("payment").app, keyring=keyring)
    village = Village()
    village.enrol(30, NOVEMBER)
    async with database.begin() as session:
        await apply_all(session, village)
    business_time.at(noon(NOVEMBER.plus(1)))
    async with database.begin() as session:
        await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
        await close_month(session, NOVEMBER, settings=settings)
    yield database, village
    await database.dispose()


async def ask(database: Database) -> UUID:
    async with database.begin() as session:
        present = select(Scheme.id).where(Scheme.first_month == NEW_PERISAI)
        asked = await service.ask(
            session,
            scheme_id=(await session.scalars(present)).one(),
            first=NOVEMBER,
            month_count=1,
            by=new_id(),
        )
        return asked.id


async def read(database: Database, comparison_id: UUID) -> tuple[str, dict[UUID, tuple[int, int]]]:
    async with database.read() as session:
        status = select(SchemeComparison.status).where(SchemeComparison.id == comparison_id)
        rows = await session.scalars(
            select(ComparedBeneficiary).where(ComparedBeneficiary.comparison_id == comparison_id)
        )
        found = {each.beneficiary_id: (each.actual, each.would_be) for each in rows}
        return (await session.scalars(status)).one(), found


async def test_workers_at_once_add_nothing_twice(own: tuple[Database, Village]) -> None:
    database, village = own
    comparison_id = await ask(database)

    await asyncio.gather(*(Comparer(batch=4).run(database) for _ in range(3)))

    status, found = await read(database, comparison_id)
    assert (status, found[village.agent_id]) == ("done", (615_600, 615_600))


class Dying(Comparer):
    """A worker whose connection ends in the transaction of one step."""

    def __init__(self, *, step: int) -> None:
        super().__init__(batch=7)
        self._left = step

    async def _step(self, database: Database) -> bool:
        self._left -= 1
        if self._left:
            return await super()._step(database)
        async with database.read_snapshot() as session:
            step = await service.compute_step(session, batch=7)
        assert step is not None
        async with database.begin() as session:
            await service.store_step(session, step)
            raise ConnectionResetError


@pytest.mark.parametrize("step", range(1, 7))
async def test_a_worker_that_dies_in_a_step_is_followed_by_another(
    own: tuple[Database, Village], step: int
) -> None:
    database, village = own
    comparison_id = await ask(database)

    with pytest.raises(ConnectionResetError):
        await Dying(step=step).run(database)
    await Comparer(batch=7).run(database)

    status, found = await read(database, comparison_id)
    assert (status, found[village.agent_id], found[village.wadah_id]) == (
        "done",
        (615_600, 615_600),
        (61_560, 61_560),
    )


async def test_what_is_taken_back_meanwhile_is_seen_on_both_sides_or_on_neither(
    own: tuple[Database, Village],
) -> None:
    database, village = own
    comparison_ids = [await ask(database) for _ in range(6)]

    async def take_back() -> None:
        for index in range(10):
            async with database.begin() as session:
                await apply_events(session, [village.decline(village.settled[index])])
            async with database.begin() as session:
                await commissions.compute_due(session, 500)

    await asyncio.gather(take_back(), Comparer(batch=3).run(database))

    for comparison_id in comparison_ids:
        status, found = await read(database, comparison_id)
        assert status == "done"
        assert {who for who, (actual, would_be) in found.items() if actual != would_be} == set()
