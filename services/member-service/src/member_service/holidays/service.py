"""Public holidays as published, with the corrections of officers."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.holidays import queries
from member_service.holidays.models import HolidayCorrection
from member_service.holidays.rules import Correction, Holidays
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


async def load(session: AsyncSession, *, joint_leave: bool) -> Holidays:
    """Return the holidays of all years."""
    rows = await queries.list_corrections(session)
    corrections = {row.day: Correction(row.is_holiday, row.name) for row in rows}
    return Holidays(corrections, joint_leave=joint_leave)


async def correct(
    session: AsyncSession, *, day: date, is_holiday: bool, name: str, by: UUID
) -> None:
    """Record that a day is a holiday, or is none. Standings follow from then on."""
    await queries.insert_correction(
        session,
        HolidayCorrection(
            id=new_id(), day=day, is_holiday=is_holiday, name=name, made_by=by, made_at=clock.now()
        ),
    )
