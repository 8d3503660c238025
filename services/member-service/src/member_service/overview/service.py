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
from perisai_kit.runtime.short_cache import ShortCache

KEPT_S = 30.0


@dataclass(frozen=True, slots=True)
class Overview:
    """as_of: when the members were counted. counts: by the name of the field that shows it."""

    on: date
    as_of: datetime
    counts: Mapping[str, int]
    with_open_bill: int


class Overviews:
    """The overviews of offices, which are many rows to count, kept for half a minute."""

    def __init__(self, database: Database, *, joint_leave: bool, kept_s: float = KEPT_S) -> None:
        """joint_leave: whether nothing falls due on a day of joint leave either."""
        self._database = database
        self._joint_leave = joint_leave
        self._kept = ShortCache[Overview](kept_s)

    async def read(self, viewer: Principal) -> Overview:
        """Count the members whom the reader may see."""

        async def count_now() -> Overview:
            async with self._database.read_replica() as session:
                off = await holidays.load(session, joint_leave=self._joint_leave)
                return await count_members(session, viewer=viewer, off=off)

        if set(viewer.roles) <= set(OFFICERS):
            key = (clock.today(), viewer.scope, viewer.has_country)
            return await self._kept.get(key, count_now)
        return await count_now()


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
