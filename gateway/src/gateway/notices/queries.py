import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.notices.models import AccountNotice, NoticeOutboxEntry
from perisai_kit.db.bulk import OldRows
from perisai_kit.privacy.columns import seal_values


async def insert_once_about_incentives(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert notices about incentives that the account does not have yet.

    rows: by attribute, with plain numbers and addresses.
    """
    new = insert(AccountNotice).on_conflict_do_nothing(
        index_elements=["cause_id", "fact", "account_id"],
        index_where=AccountNotice.cause_id.is_not(None),
    )
    await session.execute(new, [seal_values(AccountNotice, row) for row in rows])


async def has_due(session: AsyncSession, *, now: datetime, about_accounts_only: bool) -> bool:
    """Tell whether a notice is due."""
    due = exists().where(AccountNotice.next_try_at <= now)
    if about_accounts_only:
        due = due.where(AccountNotice.cause_id.is_(None))
    return bool(await session.scalar(select(due)))


async def lock_due(
    session: AsyncSession, *, now: datetime, limit: int, about_accounts_only: bool
) -> Sequence[AccountNotice]:
    """Lock notices that are due, those about accounts first.

    Skips those that another process has locked.
    """
    due = list(await _lock_due(session, AccountNotice.cause_id.is_(None), now=now, limit=limit))
    if len(due) < limit and not about_accounts_only:
        is_rest = AccountNotice.cause_id.is_not(None)
        due += await _lock_due(session, is_rest, now=now, limit=limit - len(due))
    return due


async def _lock_due(
    session: AsyncSession, condition: ColumnElement[bool], *, now: datetime, limit: int
) -> Sequence[AccountNotice]:
    due = (
        select(AccountNotice)
        .where(AccountNotice.next_try_at <= now, condition)
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
    session: AsyncSession, condition: ColumnElement[bool], *, limit: int
) -> Sequence[NoticeOutboxEntry]:
    """Return stored notices, newest first."""
    newest = (
        select(NoticeOutboxEntry)
        .where(condition)
        .order_by(NoticeOutboxEntry.id.desc())
        .limit(limit)
    )
    return (await session.scalars(newest)).all()


def get_old_outbox(*, before: datetime) -> OldRows:
    return OldRows(NoticeOutboxEntry.created_at, before)
