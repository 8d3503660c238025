from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.codes.models import OtpChallenge, OtpOutboxEntry, ThrottleCount

FORGOTTEN_A_RUN = 10_000


async def lock_newest_challenge(
    session: AsyncSession, *, phone_hash: bytes, device_id: str
) -> OtpChallenge | None:
    newest = (
        select(OtpChallenge)
        .where(OtpChallenge.phone_hash == phone_hash, OtpChallenge.device_id == device_id)
        .order_by(OtpChallenge.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return await session.scalar(newest)


async def count_hit(session: AsyncSession, *, subject: bytes, window_at: datetime) -> int:
    """Count one more try and return how many there are; the row stays locked."""
    hit = insert(ThrottleCount).values(subject=subject, window_at=window_at, hits=1)
    counted = hit.on_conflict_do_update(
        index_elements=["subject", "window_at"], set_={"hits": ThrottleCount.hits + 1}
    ).returning(ThrottleCount.hits)
    hits = await session.scalar(counted)
    assert hits is not None
    return hits


async def take_back_hit(session: AsyncSession, *, subject: bytes, window_at: datetime) -> None:
    fewer = update(ThrottleCount).where(
        ThrottleCount.subject == subject, ThrottleCount.window_at == window_at
    )
    await session.execute(fewer.values(hits=func.greatest(ThrottleCount.hits - 1, 0)))


async def clear_hits(session: AsyncSession, *, subject: bytes) -> None:
    await session.execute(delete(ThrottleCount).where(ThrottleCount.subject == subject))


async def list_outbox(
    session: AsyncSession, *, phone_hash: bytes, limit: int
) -> Sequence[OtpOutboxEntry]:
    """Newest first."""
    newest = (
        select(OtpOutboxEntry)
        .where(OtpOutboxEntry.phone_hash == phone_hash)
        .order_by(OtpOutboxEntry.id.desc())
        .limit(limit)
    )
    return (await session.scalars(newest)).all()


async def forget_challenges(session: AsyncSession, *, ended_before: datetime) -> None:
    old = (
        select(OtpChallenge.id).where(OtpChallenge.expires_at < ended_before).limit(FORGOTTEN_A_RUN)
    )
    await session.execute(delete(OtpChallenge).where(OtpChallenge.id.in_(old)))


async def forget_outbox(session: AsyncSession, *, before: datetime) -> None:
    old = select(OtpOutboxEntry.id).where(OtpOutboxEntry.created_at < before).limit(FORGOTTEN_A_RUN)
    await session.execute(delete(OtpOutboxEntry).where(OtpOutboxEntry.id.in_(old)))


async def forget_throttles(session: AsyncSession, *, before: datetime) -> None:
    row = (ThrottleCount.subject, ThrottleCount.window_at)
    old = select(*row).where(ThrottleCount.window_at < before).limit(FORGOTTEN_A_RUN)
    await session.execute(delete(ThrottleCount).where(tuple_(*row).in_(old)))
