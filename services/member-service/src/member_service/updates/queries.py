from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
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


async def touch(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    await session.execute(_TOUCH, {"ids": list(set(member_ids))})
