"""Notices to owners of accounts: written with the change, sent after its commit."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.notice_sender import (
    LANGUAGE,
    Channels,
    Message,
    NoticeNotSent,
    NoticeSender,
)
from gateway.notices import queries, rules
from gateway.notices.models import AccountNotice, NoticeOutboxEntry
from gateway.notices.rules import About, NoticeTemplate
from perisai_kit.db.bulk import OldRows, insert_once
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger

BATCH = 50
BATCHES_A_RUN = 20
AT_ONCE = 8
"""Notices that are sent at the same time. So a batch of sends that all time out is over before
its first notice is due again."""
OUTBOX_SHOWN = 10

log = get_logger()

attempts_total = Counter(
    "perisai_notice_attempts_total",
    "Attempts to send a notice, by channel and outcome: sent, failed or abandoned.",
    ["channel", "outcome"],
)


@dataclass(frozen=True, slots=True, repr=False)
class IncentiveNotice:
    """A notice about an incentive to one account. No repr: it has a number or an address.

    phone, email: where to send it; both None if the owner only reads it in the app.
    """

    account_id: uuid.UUID
    about: About
    phone: str | None
    email: str | None


async def add(
    session: AsyncSession,
    template: NoticeTemplate,
    *,
    account_id: uuid.UUID,
    phone: str | None,
    email: str | None,
    now: datetime,
) -> None:
    """Write a notice, to be sent to the number or else the address.

    Without both the owner reads it after signing in.
    """
    is_sent = phone is not None or email is not None
    session.add(
        AccountNotice(
            id=new_id(),
            account_id=account_id,
            template=template,
            created_at=now,
            phone=phone,
            email=email,
            next_try_at=now if is_sent else None,
        )
    )
    await session.flush()


async def add_about_incentives(
    session: AsyncSession, new: Sequence[IncentiveNotice], *, now: datetime
) -> None:
    """Write notices about incentives; one that an account has already changes nothing."""
    rows = [
        {
            "id": new_id(),
            "account_id": each.account_id,
            "template": each.about.template,
            "cause_id": each.about.cause_id,
            "fact": each.about.fact,
            "month": each.about.month,
            "amount": each.about.amount,
            "created_at": now,
            "phone": each.phone,
            "email": each.email,
            "attempts": 0,
            "next_try_at": now if each.phone or each.email else None,
        }
        for each in new
    ]
    if rows:
        await queries.insert_once_about_incentives(session, rows)


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


async def has_due(session: AsyncSession, *, now: datetime, is_quiet: bool = False) -> bool:
    """Tell whether a notice is due to be sent. is_quiet: those about incentives wait."""
    return await queries.has_due(session, now=now, about_accounts_only=is_quiet)


async def send_due(
    database: Database,
    channels: Channels,
    *,
    now: datetime,
    is_quiet: bool = False,
    batches: int = BATCHES_A_RUN,
) -> bool:
    """Send due notices at least once each, a bounded number per run; return whether more are due.

    The next attempt is scheduled before sending. So a notice of a process that dies is sent again,
    and no two processes send the same notice at the same time. Notices about accounts go before
    those about incentives, of which a closing makes thousands. is_quiet: the latter wait.
    """
    for _ in range(batches):
        async with database.begin() as session:
            due = await queries.lock_due(
                session, now=now, limit=BATCH, about_accounts_only=is_quiet
            )
            for notice in due:
                notice.attempts += 1
                notice.next_try_at = rules.retry_at(now, notice.attempts)
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for notice in due:
                group.create_task(_send_in_turn(database, channels, notice, slots, now=now))
        if len(due) < BATCH:
            return False
    return True


async def _send_in_turn(
    database: Database,
    channels: Channels,
    notice: AccountNotice,
    slots: asyncio.Semaphore,
    *,
    now: datetime,
) -> None:
    async with slots:
        if notice.phone is not None:
            await _send(database, "phone", channels.phone, notice.phone, notice, now=now)
        elif notice.email is not None and channels.email is not None:
            await _send(database, "email", channels.email, notice.email, notice, now=now)
        else:  # no mail server is configured: the owner reads it in the app
            await _settle(database, notice.id)


async def _send(
    database: Database,
    channel: Literal["phone", "email"],
    sender: NoticeSender,
    to: str,
    notice: AccountNotice,
    *,
    now: datetime,
) -> None:
    try:
        await sender.send(to, _make_message(notice))
    except NoticeNotSent as failed:
        is_last = notice.attempts >= rules.MAX_ATTEMPTS
        attempts_total.labels(channel, "abandoned" if is_last else "failed").inc()
        log.warning(
            "notice.abandoned" if is_last else "notice.not_sent",
            notice_id=str(notice.id),
            channel=channel,
            error=str(failed),
        )
        if is_last:
            await _settle(database, notice.id, abandoned_at=now)
        return
    attempts_total.labels(channel, "sent").inc()
    await _settle(database, notice.id, sent_at=now)


def _make_message(notice: AccountNotice) -> Message:
    parameters: dict[str, str] = {}
    if notice.month is not None:
        parameters = {"month": str(notice.month), "amount": str(notice.amount)}
    return Message(
        id=notice.id,
        template=notice.template,
        language=LANGUAGE,
        subject=rules.get_subject(LANGUAGE, month=notice.month),
        text=rules.get_text(notice.template, LANGUAGE, month=notice.month, amount=notice.amount),
        parameters=parameters,
    )


async def _settle(
    database: Database,
    notice_id: uuid.UUID,
    *,
    sent_at: datetime | None = None,
    abandoned_at: datetime | None = None,
) -> None:
    async with database.begin() as session:
        notice = await queries.lock_notice(session, notice_id)
        if notice is not None:
            notice.sent_at, notice.abandoned_at = sent_at, abandoned_at
            notice.next_try_at = notice.phone = notice.email = None


class Outbox:
    """The sender of a sandbox: it stores notices in a table."""

    def __init__(
        self, database: Database, keyring: Keyring, channel: Literal["phone", "email"]
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._channel = channel

    async def send(self, to: str, message: Message) -> None:
        """Store the notice."""
        address = {f"{self._channel}_hash": self._keyring.lookup(self._channel, to)}
        async with self._database.begin() as session:
            session.add(
                NoticeOutboxEntry(
                    id=new_id(),
                    template=message.template,
                    text=message.text,
                    created_at=clock.real_now(),
                    **address,
                )
            )


async def read_outbox(
    session: AsyncSession, keyring: Keyring, *, phone: str
) -> Sequence[NoticeOutboxEntry]:
    """Return the last notices to a number, newest first."""
    is_its = NoticeOutboxEntry.phone_hash == keyring.lookup("phone", phone)
    return await queries.list_outbox(session, is_its, limit=OUTBOX_SHOWN)


async def read_mails(
    session: AsyncSession, keyring: Keyring, *, email: str
) -> Sequence[NoticeOutboxEntry]:
    """Return the last notices to an e-mail address, newest first."""
    is_its = NoticeOutboxEntry.email_hash == keyring.lookup("email", email)
    return await queries.list_outbox(session, is_its, limit=OUTBOX_SHOWN)


def find_old(*, now: datetime) -> list[OldRows]:
    """Return the old rows of the sandbox's outbox."""
    return [queries.get_old_outbox(before=now - rules.OUTBOX_KEPT)]
