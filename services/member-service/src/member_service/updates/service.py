"""Mark members whose data in lists was written, for clients that read what has changed.

A mark is the beginning of the writing transaction: see perisai_kit.db.boundary.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.updates import queries


async def touch(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    """Mark members as written by this transaction; there may be none."""
    if member_ids:
        await queries.touch(session, member_ids)
