"""E-mail addresses for notices to staff. Nobody signs in with one."""

import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.accounts.rules import AccountKind
from gateway.accounts.service import AdminRequest
from gateway.changes.rules import ChangeKind
from gateway.emails import rules


async def set_email(
    session: AsyncSession,
    *,
    account_id: uuid.UUID,
    email: str | None,
    by: AdminRequest,
    now: datetime,
) -> None:
    """Give a staff account another address for notices. The old address gets a notice.

    Raises: AccountNotFound, OwnAccount, AccountOutOfScope, NoticesByPhone.
    """
    account = await accounts.lock_to_change(session, account_id=account_id, by=by)
    if account.kind != AccountKind.STAFF:
        raise rules.NoticesByPhone
    if account.email == email:
        return
    account.version += 1
    # Before the change, so that the notice goes to the old address.
    await accounts.record_change(session, account, ChangeKind.EMAIL_CHANGED, by=by.author, now=now)
    account.email = email
    await session.flush()
