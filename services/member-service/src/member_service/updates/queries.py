from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Interval, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

# In one order, so that two transactions with the same members do not deadlock.
_TOUCH = text(
    """
    INSERT INTO member_updates AS mark (member_id, updated_at)
    SELECT id, now() FROM unnest(:ids) AS id ORDER BY id
    ON CONFLICT (member_id) DO UPDATE SET updated_at = excluded.updated_at
        WHERE mark.updated_at < excluded.updated_at
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid())))

# Own sessions are shown whole, those of other roles without `xact_start`. Only this service writes.
_BOUNDARY = text(
    """
    SELECT least(min(xact_start), clock_timestamp() - :margin)
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    """
).bindparams(bindparam("margin", type_=Interval()))


async def touch(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    await session.execute(_TOUCH, {"ids": list(set(member_ids))})


async def find_boundary(session: AsyncSession, margin: timedelta) -> datetime:
    """Return the beginning of the oldest transaction that runs, or the time before a margin."""
    found: datetime = (await session.execute(_BOUNDARY, {"margin": margin})).scalar_one()
    return found
