from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.holidays.models import HolidayCorrection

MAX_CORRECTIONS = 10_000
"""A correction is made by hand, a few a year."""


async def insert_correction(session: AsyncSession, correction: HolidayCorrection) -> None:
    session.add(correction)
    await session.flush()


async def list_corrections(session: AsyncSession) -> Sequence[HolidayCorrection]:
    """Return the newest correction of each day."""
    query = (
        select(HolidayCorrection)
        .ext(distinct_on(HolidayCorrection.day))
        .order_by(
            HolidayCorrection.day, HolidayCorrection.made_at.desc(), HolidayCorrection.id.desc()
        )
        .limit(MAX_CORRECTIONS)
    )
    return (await session.scalars(query)).all()
