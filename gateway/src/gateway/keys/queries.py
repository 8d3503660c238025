from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.keys.models import SigningKey

_KEYS_LOCK = 4_702
MOST_KEYS = 100
_NEWEST = (
    select(SigningKey)
    .order_by(SigningKey.revoked_at.is_not(None), SigningKey.created_at.desc())
    .limit(MOST_KEYS)
)
"""Made once, because every process asks every two seconds."""


async def list_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """Return keys, newest first. Revoked keys come last, so that the limit hides no other key."""
    return (await session.scalars(_NEWEST)).all()


async def lock_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """Return all keys, locked against other changes until the end of the transaction.

    The lock is an advisory one, because at the first start there is no row to lock.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_KEYS_LOCK)))
    return await list_keys(session)
