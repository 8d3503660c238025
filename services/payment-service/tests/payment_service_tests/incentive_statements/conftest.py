"""A month that could be closed: everything read, and business time past its end."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service as commissions
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.incentive_statements import service
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from payment_service.testing_commissions import Village, noon
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.cursors import Cursor
from perisai_kit.testing.plugin import BusinessTime

Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[CommissionMonthOut]]


@pytest.fixture
def tell(session: AsyncSession) -> Tell:
    """Tell what a village's two feeds hold."""

    async def tell(*villages: Village) -> None:
        for village in villages:
            if village.attributed:
                await commissions.take_attributions(session, village.attributed)
            if village.settled:
                await commissions.take_payments(session, village.settled)

    return tell


@pytest.fixture
def read_all(session: AsyncSession) -> ReadAll:
    """Let the subscriptions have read everything that happened before an instant."""

    async def read_all(until: datetime, *names: str) -> None:
        for name in names or SUBSCRIPTIONS:
            cursor = Cursor(name=name, position=0, caught_up_at=until, updated_at=until)
            await session.merge(cursor)
        await session.flush()

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
