"""The history of accounts: one immutable row for every change."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.changes import queries, rules
from gateway.changes.models import AccountChange
from gateway.changes.rules import Author, ChangeKind
from gateway.notices import service as notices
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.runtime.log import get_logger

log = get_logger()


async def record(
    session: AsyncSession,
    change: ChangeKind,
    *,
    account_id: uuid.UUID,
    phone: str | None,
    email: str | None,
    by: Author,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record a change with its author, and write the notice to the owner.

    phone, email: where the notice goes; after a change of them, the old ones. before, after: plain
    values without personal data.
    """
    session.add(
        AccountChange(
            id=new_id(),
            account_id=account_id,
            at=now,
            change=change,
            source=by.source,
            author_id=by.account_id,
            reason=by.reason,
            request_id=by.request_id,
            before=before,
            after=after,
        )
    )
    await session.flush()
    template = rules.choose_template(change, by.source)
    if template is not None:
        await notices.add(
            session, template, account_id=account_id, phone=phone, email=email, now=now
        )
    log.info(
        "account.changed",
        changed_account_id=str(account_id),
        change=change,
        source=by.source,
        author_id=str(by.account_id) if by.account_id else None,
    )


async def list_page(
    session: AsyncSession, *, account_id: uuid.UUID, limit: int, cursor: str | None
) -> Slice[AccountChange]:
    """Return one page, newest first, and the cursor of the next. Raises: CursorInvalid."""
    rows = await queries.list_changes(
        session, account_id=account_id, after=read_cursor(cursor, uuid.UUID), limit=limit + 1
    )
    return cut_page(rows, limit, key=lambda row: row.id)
