from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.throttles.models import KnownDevice, ThrottleCount
from perisai_kit.db.bulk import OldRows


async def count_hit(session: AsyncSession, *, subject: bytes, window_at: datetime) -> int:
    """Count one more attempt and return the count; the row stays locked."""
    hit = insert(ThrottleCount).values(subject=subject, window_at=window_at, hits=1)
    counted = hit.on_conflict_do_update(
        index_elements=["subject", "window_at"], set_={"hits": ThrottleCount.hits + 1}
    ).returning(ThrottleCount.hits)
    hits = await session.scalar(counted)
    assert hits is not None
    return hits


async def uncount_hit(session: AsyncSession, *, subject: bytes, window_at: datetime) -> None:
    fewer = update(ThrottleCount).where(
        ThrottleCount.subject == subject, ThrottleCount.window_at == window_at
    )
    await session.execute(fewer.values(hits=func.greatest(ThrottleCount.hits - 1, 0)))


async def clear_hits(session: AsyncSession, *, subject: bytes) -> None:
    await session.execute(delete(ThrottleCount).where(ThrottleCount.subject == subject))


async def is_known_device(session: AsyncSession, *, subject: bytes, since: datetime) -> bool:
    known = select(KnownDevice.subject).where(
        KnownDevice.subject == subject, KnownDevice.signed_in_at > since
    )
    return await session.scalar(known) is not None


async def save_known_device(session: AsyncSession, *, subject: bytes, at: datetime) -> None:
    known = insert(KnownDevice).values(subject=subject, signed_in_at=at)
    await session.execute(
        known.on_conflict_do_update(index_elements=["subject"], set_={"signed_in_at": at})
    )


def get_old_counts(*, before: datetime) -> OldRows:
    return OldRows(ThrottleCount.window_at, before)


def get_old_devices(*, before: datetime) -> OldRows:
    return OldRows(KnownDevice.signed_in_at, before)
