"""A month that could be closed: everything read, and business time past its end."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.incentive_statements import service
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from payment_service.testing_commissions import Village, apply_all, noon, read_until
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[CommissionMonthOut]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]

NEVER_MADE = (
    "allocated lines without their transfer",
    "allocations without exactly one event",
    "payments that are not what the ledger received",
)
"""Of payments that no bank has reported."""


@pytest.fixture
def tell(session: AsyncSession) -> Tell:
    """Book and tell what villages' feeds hold, and compute it."""

    async def tell(*villages: Village) -> None:
        await apply_all(session, *villages)

    return tell


@pytest.fixture
def read_all(session: AsyncSession) -> ReadAll:
    """Let the subscriptions have read everything that happened before an instant."""

    async def read_all(until: datetime, *names: str) -> None:
        await read_until(session, until, *(names or SUBSCRIPTIONS))

    return read_all


@pytest.fixture
def close(
    session: AsyncSession, settings: Settings, business_time: BusinessTime, read_all: ReadAll
) -> Close:
    """Close a month in the middle of the next, everything read."""

    async def close(month: Month) -> CommissionMonthOut:
        business_time.at(noon(month.plus(1)))
        await read_all(clock.now() - timedelta(minutes=1))
        return await service.close(session, month, by=new_id(), settings=settings)

    return close


@pytest.fixture
def faults() -> Faults:
    """Return what does not hold in the books, but that no bank has made these payments."""

    async def find(session: AsyncSession) -> list[str]:
        found = await checks.find_faults(session)
        return [each for each in found if not any(known in each for known in NEVER_MADE)]

    return find
