from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.keys.models import SigningKey

_KEYS_LOCK = 4_702
MOST_KEYS = 100


async def list_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """Newest first, the revoked ones last: however many they are, they hide no living key."""
    newest = (
        select(SigningKey)
        .order_by(SigningKey.revoked_at.is_not(None), SigningKey.created_at.desc())
        .limit(MOST_KEYS)
    )
    return (await session.scalars(newest)).all()


async def lock_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """All keys; whoever else wants to change them waits for the end of the transaction.

    A lock by number, because at the first start there is no row to lock.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_KEYS_LOCK)))
    return await list_keys(session)
