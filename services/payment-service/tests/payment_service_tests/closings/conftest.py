"""Months that can be closed step by step, and villages that earn something in them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.testing_commissions import Village, noon
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

ReadAll = Callable[..., Awaitable[None]]
EndMonth = Callable[[Month], Awaitable[None]]


@pytest.fixture
def end_month(session: AsyncSession, business_time: BusinessTime, read_all: ReadAll) -> EndMonth:
    """Let it be the middle of the month after one, with everything read."""

    async def end(month: Month) -> None:
        business_time.at(noon(month.plus(1)))
        await read_all(clock.now() - timedelta(minutes=1))

    return end


@pytest.fixture
def villages() -> list[Village]:
    """Villages that earn different amounts: around the threshold, and one less than a rupiah."""
    month = Month(2025, 11)
    made = [Village() for _ in range(4)]
    for village, count in zip(made, (25, 3, 1), strict=False):
        village.enrol(count, month)
    made[3].pay(month, prices={"jht": (6, 0)}, is_acquisition=False)
    return made
