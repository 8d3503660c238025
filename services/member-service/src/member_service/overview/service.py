"""Counts of members for the first page of an app."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.overview import queries, rules
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock


@dataclass(frozen=True, slots=True)
class Overview:
    """counts: by the name of the field that shows it."""

    on: date
    counts: Mapping[str, int]
    with_open_bill: int


async def count_members(
    session: AsyncSession, *, viewer: Principal, off: Container[date]
) -> Overview:
    """Count the members whom the reader may see. No personal data is read.

    off: the days on which nothing falls due.
    """
    day = rules.make_day(clock.today(), off)
    counts = await queries.count_members(session, viewer, day)
    bills = await queries.count_open_bills(session, viewer, on=day.on, at=clock.now())
    return Overview(day.on, counts, bills)
