import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.notices.models import AccountNotice, NoticeOutboxEntry
from perisai_kit.db.bulk import OldRows


async def lock_due(session: AsyncSession, *, now: datetime, limit: int) -> Sequence[AccountNotice]:
    """Lock notices that are due, skipping those that another process has locked."""
    due = (
        select(AccountNotice)
        .where(AccountNotice.next_try_at <= now)
        .order_by(AccountNotice.next_try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(due)).all()


async def lock_notice(session: AsyncSession, notice_id: uuid.UUID) -> AccountNotice | None:
    return await session.get(AccountNotice, notice_id, with_for_update=True)


async def list_notices(
    session: AsyncSession, *, account_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> Sequence[AccountNotice]:
    """Return notices, newest first; ids are in the order of creation."""
    page = select(AccountNotice).where(AccountNotice.account_id == account_id)
    if after is not None:
        page = page.where(AccountNotice.id < after)
    return (await session.scalars(page.order_by(AccountNotice.id.desc()).limit(limit))).all()


async def list_outbox(
    session: AsyncSession, *, phone_hash: bytes, limit: int
) -> Sequence[NoticeOutboxEntry]:
    """Return stored notices, newest first."""
    newest = (
        select(NoticeOutboxEntry)
        .where(NoticeOutboxEntry.phone_hash == phone_hash)
        .order_by(NoticeOutboxEntry.id.desc())
        .limit(limit)
    )
    return (await session.scalars(newest)).all()


def get_old_outbox(*, before: datetime) -> OldRows:
    return OldRows(NoticeOutboxEntry.created_at, before)
