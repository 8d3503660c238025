"""Counts of members for the first page of an app; for offices twice a minute for each scope."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.holidays import service as holidays
from member_service.members.queries import OFFICERS
from member_service.overview import queries, rules
from perisai_kit.auth.principal import Principal
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.answers.overviews import Overviews


@dataclass(frozen=True, slots=True)
class Overview:
    """as_of: when the members were counted. counts: by the name of the field that shows it."""

    on: date
    as_of: datetime
    counts: Mapping[str, int]
    with_open_bill: int


def make_overviews(database: Database, *, joint_leave: bool) -> Overviews[Overview]:
    """Return the counts by reader. joint_leave: whether nothing falls due on such a day either."""

    async def count_now(session: AsyncSession, viewer: Principal) -> Overview:
        off = await holidays.load(session, joint_leave=joint_leave)
        return await count_members(session, viewer=viewer, off=off)

    return Overviews(database, count_now, offices=OFFICERS)


async def count_members(
    session: AsyncSession, *, viewer: Principal, off: Container[date]
) -> Overview:
    """Count the members whom the reader may see. No personal data is read.

    off: the days on which nothing falls due.
    """
    now = clock.now()
    day = rules.make_day(jakarta_date(now), off)
    counts = await queries.count_members(session, viewer, day)
    bills = await queries.count_open_bills(session, viewer, on=day.on, at=now)
    return Overview(day.on, now, counts, bills)
