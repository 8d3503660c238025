"""What tests begin with: taken once, as it was for each, and gone for those who did not ask."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events.cursors import Cursor
from perisai_kit.testing.beginnings import Beginnings, Begun
from perisai_kit.testing.plugin import BusinessTime

AT = datetime(2025, 11, 20, 5, 0, tzinfo=UTC)


@pytest.fixture
async def beginnings(
    kit_database: Database, clock_file: Path, business_time: BusinessTime
) -> AsyncIterator[Beginnings]:
    made = Beginnings(kit_database, clock_file)
    yield made
    await made.end()


class Steps:
    """Two steps that each add a row, and how often they were taken."""

    def __init__(self, time: BusinessTime) -> None:
        self.time = time
        self.taken: list[str] = []

    async def first(self, database: Database, before: Any) -> list[str]:
        assert before is None
        self.time.at(AT)
        return await self._take("first", database, [])

    async def second(self, database: Database, before: list[str]) -> list[str]:
        return await self._take("second", database, before)

    async def broken(self, database: Database, before: list[str]) -> None:
        await add(database, "broken")
        raise ConnectionResetError

    async def _take(self, name: str, database: Database, before: list[str]) -> list[str]:
        self.taken.append(name)
        await add(database, name)
        before.append(name)
        return before


@pytest.fixture
def steps(business_time: BusinessTime) -> Steps:
    return Steps(business_time)


async def add(database: Database, name: str) -> None:
    async with database.begin() as session:
        session.add(Cursor(name=name, position=0, caught_up_at=AT, updated_at=AT))


async def names(begun: Begun) -> list[str]:
    async with begun.database.read() as session:
        return list(await session.scalars(select(Cursor.name).order_by(Cursor.name)))


async def test_a_step_is_taken_once_and_what_a_test_does_is_undone(
    beginnings: Beginnings, steps: Steps
) -> None:
    found = []
    for number in range(3):
        async with beginnings.begin([steps.first, steps.second]) as begun:
            found.append((await names(begun), list(begun.made)))
            begun.made.append("of a test")
            await add(begun.database, f"test {number}")

    assert found == [(["first", "second"], ["first", "second"])] * 3
    assert steps.taken == ["first", "second"]


async def test_each_test_finds_the_steps_it_asked_for_and_no_others(
    beginnings: Beginnings, steps: Steps
) -> None:
    found = []
    for asked in ([steps.first, steps.second], [steps.first], [], [steps.first, steps.second]):
        async with beginnings.begin(asked) as begun:
            found.append((await names(begun), begun.made))

    both = (["first", "second"], ["first", "second"])
    assert found == [both, (["first"], ["first"]), ([], None), both]
    assert steps.taken == ["first", "second", "first", "second"]


async def test_business_time_goes_on_from_the_last_step(
    beginnings: Beginnings, steps: Steps, business_time: BusinessTime
) -> None:
    async with beginnings.begin([steps.first]):
        business_time.at(AT + timedelta(days=400))
    business_time.real()

    async with beginnings.begin([steps.first, steps.second]):
        now = clock.now()

    assert AT <= now < AT + timedelta(days=1)


async def test_a_step_that_fails_leaves_nothing_behind(
    beginnings: Beginnings, steps: Steps
) -> None:
    with pytest.raises(ConnectionResetError):
        async with beginnings.begin([steps.first, steps.broken]):
            pass

    async with beginnings.begin([steps.first]) as begun:
        assert await names(begun) == ["first"]
    assert steps.taken == ["first"]
