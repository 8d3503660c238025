"""From when on a reader of marked rows may have missed some.

A mark is the beginning of the writing transaction, by the clock of the database. So a transaction
that commits later may bring an earlier mark than one that was read already.
"""

from datetime import datetime, timedelta

from sqlalchemy import Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

MARGIN = timedelta(seconds=10)
"""PostgreSQL shows a transaction some microseconds after it has begun. Our own choice, on a loaded
machine too."""

# Own sessions are shown whole, those of other roles without `xact_start`. Only the service writes.
_BOUNDARY = text(
    """
    SELECT least(min(xact_start), clock_timestamp() - :margin)
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    """
).bindparams(bindparam("margin", type_=Interval()))


async def find_boundary(session: AsyncSession, *, margin: timedelta = MARGIN) -> datetime:
    """Return an instant that no transaction marks before, if it is not visible to later statements.

    A reader that reads from there again misses nothing. Call it before the rows are read, in
    another statement, on the primary: only there are the transactions that write.
    """
    found: datetime = (await session.execute(_BOUNDARY, {"margin": margin})).scalar_one()
    return found
