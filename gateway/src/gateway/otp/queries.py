from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.otp.models import OtpOutboxEntry, SentCode
from perisai_kit.db.bulk import OldRows

Code = TypeVar("Code", bound=SentCode)


async def lock_newest(session: AsyncSession, kind: type[Code], **of: object) -> Code | None:
    """Return the last code of this kind with these values of columns, its row locked."""
    newest = (
        select(kind)
        .filter_by(**of)
        .order_by(kind.id.desc())
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


def get_old_codes(kind: type[SentCode], *, ended_before: datetime) -> OldRows:
    return OldRows(kind.expires_at, ended_before)


def get_old_outbox(*, before: datetime) -> OldRows:
    return OldRows(OtpOutboxEntry.created_at, before)
