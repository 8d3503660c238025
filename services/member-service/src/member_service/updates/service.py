"""Mark members whose data in lists was written, for clients that read what has changed.

A mark is the beginning of the writing transaction. So a transaction that commits later may bring an
earlier mark than one that was read already. `find_boundary` is not later than the mark of any such
transaction: a client that reads from there again misses nothing.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.updates import queries

MARGIN = timedelta(seconds=10)
"""PostgreSQL shows a transaction some microseconds after it has begun. Our own choice, on a loaded
machine too."""


async def touch(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    """Mark members as written by this transaction; there may be none."""
    if member_ids:
        await queries.touch(session, member_ids)


async def find_boundary(session: AsyncSession, *, margin: timedelta = MARGIN) -> datetime:
    """Return an instant that no transaction marks before, if it is not visible to later statements.

    Call it before the rows are read, in another statement.
    """
    return await queries.find_boundary(session, margin)
