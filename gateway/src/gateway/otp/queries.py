from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.otp.models import OtpChallenge, OtpOutboxEntry
from perisai_kit.db.bulk import OldRows


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
    """Return stored codes, newest first."""
    newest = (
        select(OtpOutboxEntry)
        .where(OtpOutboxEntry.phone_hash == phone_hash)
        .order_by(OtpOutboxEntry.id.desc())
        .limit(limit)
    )
    return (await session.scalars(newest)).all()


def get_old_challenges(*, ended_before: datetime) -> OldRows:
    return OldRows(OtpChallenge.expires_at, ended_before)


def get_old_outbox(*, before: datetime) -> OldRows:
    return OldRows(OtpOutboxEntry.created_at, before)
