"""Notices to owners of accounts: written with the change, sent after its commit."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.notice_sender import NoticeNotSent, NoticeSender
from gateway.notices import queries, rules
from gateway.notices.models import AccountNotice, NoticeOutboxEntry
from gateway.notices.rules import NoticeTemplate
from perisai_kit.db.bulk import OldRows, insert_once
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger

BATCH = 50
BATCHES_A_RUN = 20
OUTBOX_SHOWN = 10

log = get_logger()


async def add(
    session: AsyncSession,
    template: NoticeTemplate,
    *,
    account_id: uuid.UUID,
    phone: str | None,
    now: datetime,
) -> None:
    """Write a notice. phone: where to send it; None if the owner reads it after signing in."""
    session.add(
        AccountNotice(
            id=new_id(),
            account_id=account_id,
            template=template,
            created_at=now,
            phone=phone,
            next_try_at=now if phone is not None else None,
        )
    )
    await session.flush()


async def add_once(
    session: AsyncSession,
    template: NoticeTemplate,
    *,
    notice_id: uuid.UUID,
    phone: str,
    now: datetime,
) -> None:
    """Write a notice to a number, whether it has an account or not; once for each id."""
    notice = AccountNotice(
        id=notice_id,
        account_id=None,
        template=template,
        created_at=now,
        phone=phone,
        attempts=0,
        next_try_at=now,
    )
    await insert_once(session, notice)


async def list_own(
    session: AsyncSession, *, account_id: uuid.UUID, limit: int, cursor: str | None
) -> Slice[AccountNotice]:
    """Return one page, newest first, and the cursor of the next. Raises: CursorInvalid."""
    rows = await queries.list_notices(
        session, account_id=account_id, after=read_cursor(cursor, uuid.UUID), limit=limit + 1
    )
    return cut_page(rows, limit, key=lambda row: row.id)


async def send_due(database: Database, sender: NoticeSender, *, now: datetime) -> None:
    """Send due notices at least once each, a bounded number per run.

    The next attempt is scheduled before sending. So a notice of a process that dies is sent again,
    and no two processes send the same notice at the same time.
    """
    for _ in range(BATCHES_A_RUN):
        async with database.begin() as session:
            due = await queries.lock_due(session, now=now, limit=BATCH)
            for notice in due:
                notice.attempts += 1
                notice.next_try_at = rules.retry_at(now, notice.attempts)
        for notice in due:
            await _send(database, sender, notice, now=now)
        if len(due) < BATCH:
            return


async def _send(
    database: Database, sender: NoticeSender, notice: AccountNotice, *, now: datetime
) -> None:
    assert notice.phone is not None  # notices without a number are never due
    try:
        await sender.send(phone=notice.phone, template=notice.template)
    except NoticeNotSent as failed:
        is_last = notice.attempts >= rules.MAX_ATTEMPTS
        log.warning(
            "notice.abandoned" if is_last else "notice.not_sent",
            notice_id=str(notice.id),
            error=str(failed),
        )
        if is_last:
            await _settle(database, notice.id, sent_at=None)
        return
    await _settle(database, notice.id, sent_at=now)


async def _settle(database: Database, notice_id: uuid.UUID, *, sent_at: datetime | None) -> None:
    async with database.begin() as session:
        notice = await queries.lock_notice(session, notice_id)
        if notice is not None:
            notice.sent_at, notice.next_try_at, notice.phone = sent_at, None, None


class Outbox:
    """The sender of a sandbox: it stores notices in a table."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def send(self, *, phone: str, template: str) -> None:
        """Store the notice."""
        async with self._database.begin() as session:
            session.add(
                NoticeOutboxEntry(
                    id=new_id(),
                    phone_hash=self._keyring.lookup("phone", phone),
                    template=template,
                    created_at=clock.real_now(),
                )
            )


async def read_outbox(
    session: AsyncSession, keyring: Keyring, *, phone: str
) -> Sequence[NoticeOutboxEntry]:
    """Return the last notices to a number, newest first."""
    return await queries.list_outbox(
        session, phone_hash=keyring.lookup("phone", phone), limit=OUTBOX_SHOWN
    )


def find_old(*, now: datetime) -> list[OldRows]:
    """Return the old rows of the sandbox's outbox."""
    return [queries.get_old_outbox(before=now - rules.OUTBOX_KEPT)]
