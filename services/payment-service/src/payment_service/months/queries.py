from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.months.models import ClosedMonth
from perisai_kit.domain.month import Month


async def insert_month(session: AsyncSession, month: ClosedMonth) -> None:
    session.add(month)
    await session.flush()


async def list_months(
    session: AsyncSession, *, before: Month | None, limit: int
) -> Sequence[ClosedMonth]:
    """Return closed months, the latest first."""
    statement = select(ClosedMonth).order_by(ClosedMonth.month.desc()).limit(limit)
    if before is not None:
        statement = statement.where(ClosedMonth.month < before)
    return (await session.scalars(statement)).all()
