from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods.models import AttributionPeriodRow as Period
from member_service.attribution_periods.queries import is_of
from member_service.listings.queries import has_standing
from member_service.members.queries import is_visible_to
from member_service.members.rules import Standing
from member_service.open_bills.models import OpenBill
from member_service.overview.rules import Day
from member_service.registrations.rules import EndReason
from perisai_kit.auth.principal import Principal


async def count_members(session: AsyncSession, viewer: Principal, day: Day) -> dict[str, int]:
    """Return the counts of the members whom the reader may see, in one pass."""
    row = (await session.execute(count_statement(viewer, day))).one()
    return dict(row._mapping)


def count_statement(viewer: Principal, day: Day) -> Select[*tuple[Any, ...]]:
    """Return the query of count_members. It reads each row of the scope once."""
    is_open = Period.ends_on > day.on
    conditions: dict[str, ColumnElement[bool]] = {
        **{each: has_standing(each, on=day.on, last_due=day.last_due) for each in Standing},
        "due_in_7_days": and_(is_open, Period.first_unpaid.in_(list(day.due_months))),
        **{
            f"lapsing_in_{days}_days": and_(
                is_open, Period.ends_on <= until, Period.end_reason == EndReason.LAPSED
            )
            for days, until in day.lapsing_until.items()
        },
    }
    counts = [func.count().filter(each).label(name) for name, each in conditions.items()]
    return select(func.count().label("total"), *counts).where(
        is_of(day.on), is_visible_to(viewer, include_own=False)
    )


async def count_open_bills(
    session: AsyncSession, viewer: Principal, *, on: date, at: datetime
) -> int:
    """Return how many of the members whom the reader may see have an open bill."""
    query = (
        select(func.count())
        .select_from(OpenBill)
        .join(Period, Period.member_id == OpenBill.member_id)
        .where(is_of(on), OpenBill.ends_at > at, is_visible_to(viewer, include_own=False))
    )
    return await session.scalar(query) or 0
