"""Months that can be closed step by step, and villages that earn something in them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from payment_service_tests.beginnings import Close, Live, Tell
from payment_service_tests.month_closing import agree_to_close, find_month, take_steps
from payment_service_tests.village import Village, noon, read_until
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Step

NOVEMBER = Month(2025, 11)
MakeStep = Callable[[Live], Step]
ReadAll = Callable[..., Awaitable[None]]
EndMonth = Callable[[Month], Awaitable[None]]
AgreeAndClose = Callable[[Month], Awaitable[CommissionMonthOut]]


@pytest.fixture
def end_month(session: AsyncSession, business_time: BusinessTime, read_all: ReadAll) -> EndMonth:
    """Let it be the middle of the month after one, with everything read."""

    async def end(month: Month) -> None:
        business_time.at(noon(month.plus(1)))
        await read_all(clock.now() - timedelta(minutes=1))

    return end


@pytest.fixture
def close(session: AsyncSession, settings: Settings, end_month: EndMonth) -> AgreeAndClose:
    """Close a month as two people and the worker do, and return what the list says of it."""

    async def close(month: Month) -> CommissionMonthOut:
        await end_month(month)
        await agree_to_close(session, month, settings=settings)
        await take_steps(session, batch=2, settings=settings)
        return await find_month(session, month)

    return close


@pytest.fixture
def villages() -> list[Village]:
    return make_villages()


def make_villages() -> list[Village]:
    """Villages that earn different amounts: around the threshold, and one less than a rupiah."""
    made = [Village() for _ in range(4)]
    for village, count in zip(made, (25, 3, 1), strict=False):
        village.enrol(count, NOVEMBER)
    made[3].pay(NOVEMBER, prices={"jht": (6, 0)}, is_acquisition=False)
    return made


@pytest.fixture
def beginning(
    request: pytest.FixtureRequest, settings: Settings, clock_file: Path, make_step: MakeStep
) -> Sequence[Step]:
    """The villages' November, which two people have agreed to close, if a test asks for it."""
    return (
        [make_step(live), Agreed(settings, clock_file)] if "agreed" in request.fixturenames else []
    )


async def live(tell: Tell, _: Close, __: AsyncSession) -> list[Village]:
    villages = make_villages()
    await tell(*villages)
    return villages


@dataclass(frozen=True)
class Agreed:
    """A step: two people agree to close November when it is over and read."""

    settings: Settings
    clock_file: Path

    async def __call__(self, database: Database, villages: list[Village]) -> list[Village]:
        BusinessTime(self.clock_file).at(noon(NOVEMBER.plus(1)))
        async with database.begin() as session:
            await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
            await agree_to_close(session, NOVEMBER, settings=self.settings)
        return villages


@pytest.fixture
def agreed(made: list[Village]) -> list[Village]:
    """The villages; two people have agreed to close their November."""
    return made
