from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.codes.models import OtpChallenge, OtpOutboxEntry

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
