"""How many members somebody sees, which decides how their bills and payments are found.

Bills and payments know their member only, not who has the member today. So a list either asks each
of the members for the latest ones, or goes through the latest ones of all members and leaves out
those of others. What the second way reads grows as the share of the members falls.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from payment_service.attributions.models import AttributedMember
from payment_service.visibility import Sight

FEW = 5_000
"""So many members at most are asked one by one where only few rows meet the other filters."""
HASHED = 60_000
"""So many ids at most are kept in a hash table while rows are read: 3 MB, of the 8 MB that
PostgreSQL allows by default. Above that it would go through a list for every row."""
DENSE = 4
"""To ask a member costs as much as to pass by five rows of others, and a page has some fifty rows.
So members are asked as long as their number squared is less than ten times all members. Measured
with 100,000 members and rounded down, as what each member has grows with the years."""

# Of the last ANALYZE; -1 before the first one.
_ALL_MEMBERS = text("SELECT reltuples FROM pg_class WHERE oid = 'attributed_members'::regclass")


@dataclass(frozen=True, slots=True)
class Crowd:
    """The members of a sight. count: at most `HASHED` + 1, of everyone at most `FEW` + 1.

    total: about how many members there are.
    """

    sight: Sight
    count: int
    total: int

    @property
    def is_few(self) -> bool:
        return self.count <= FEW

    @property
    def is_sparse(self) -> bool:
        """Whether it takes less to ask each member than to pass by the rows of all others."""
        return not self.sight.is_everyone and self.count**2 < DENSE * self.total

    def has(self, member_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        """Return whether one member is in it, as a question about each row that is read."""
        if self.sight.is_everyone:
            return true()
        return self.sight.hashed(member_id) if self.count <= HASHED else self.sight.has(member_id)


async def measure(session: AsyncSession, sight: Sight) -> Crowd:
    """Return how many members somebody sees, as far as it matters."""
    total = max(int(await session.scalar(_ALL_MEMBERS) or 0), 0)
    if sight.is_everyone and total > FEW:
        return Crowd(sight, FEW + 1, total)
    if sight.is_everyone:
        some = select(AttributedMember.member_id).limit(FEW + 1).subquery()
    else:
        some = sight.members().limit(HASHED + 1).subquery()
    count = await session.scalar(select(func.count()).select_from(some)) or 0
    return Crowd(sight, count, max(total, count))
