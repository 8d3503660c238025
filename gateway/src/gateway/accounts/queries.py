import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.accounts.rules import ADMIN, AccountKind, AccountNotFound, AccountScope

ACCOUNTS_OF_A_PHONE = 50
_ADMINS_LOCK = 4_701
_TOKENS_VALID_FROM = select(Account.id, Account.tokens_valid_from).where(
    Account.tokens_valid_from >= bindparam("since")
)
"""Made once, because every process asks every two seconds."""


def in_scope(scope: AccountScope) -> ColumnElement[bool]:
    """Return the condition for accounts within a scope: `rules.is_within` in SQL."""
    match scope:
        case AccountScope(kind="country"):
            return true()
        case AccountScope(kind="region", code=str(code)):
            return or_(
                and_(Account.scope_kind == "region", Account.scope_code == code),
                and_(Account.scope_kind == "branch", Account.scope_region == code),
            )
        case AccountScope(kind="branch", code=str(code)):
            return and_(Account.scope_kind == "branch", Account.scope_code == code)
    return false()


async def find_account(session: AsyncSession, account_id: uuid.UUID) -> Account | None:
    return await session.get(Account, account_id)


async def get_visible(
    session: AsyncSession, account_id: uuid.UUID, *, scope: AccountScope
) -> Account:
    """Return an account. Raises: AccountNotFound, also for one outside the scope."""
    visible = select(Account).where(Account.id == account_id, in_scope(scope))
    account = await session.scalar(visible)
    if account is None:
        raise AccountNotFound
    return account


async def has_empty_account(session: AsyncSession, phone_hash: bytes) -> bool:
    """Tell whether this number has an account that is not and never was a member's or agent's."""
    empty = select(Account.id).where(
        Account.phone_hash == phone_hash,
        Account.member_id.is_(None),
        Account.was_agent_at.is_(None),
    )
    return await session.scalar(empty.limit(1)) is not None


async def lock_account(session: AsyncSession, account_id: uuid.UUID) -> Account:
    account = await session.get(Account, account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise AccountNotFound
    return account


async def find_by_username(session: AsyncSession, username: str) -> Account | None:
    return await session.scalar(select(Account).where(Account.username == username))


async def list_accounts(
    session: AsyncSession,
    *,
    scope: AccountScope,
    kind: AccountKind | None,
    role: str | None,
    username: str | None,
    after: uuid.UUID | None,
    limit: int,
) -> Sequence[Account]:
    """Return accounts, newest first; ids are in the order of creation."""
    wanted = [in_scope(scope)]
    if kind is not None:
        wanted.append(Account.kind == kind)
    if role is not None:
        wanted.append(Account.roles.contains([role]))
    if username is not None:
        wanted.append(Account.username == username)
    if after is not None:
        wanted.append(Account.id < after)
    page = select(Account).where(*wanted).order_by(Account.id.desc()).limit(limit)
    return (await session.scalars(page)).all()


async def list_by_phone(
    session: AsyncSession, phone_hash: bytes, *, scope: AccountScope
) -> Sequence[Account]:
    found = (
        select(Account)
        .where(Account.phone_hash == phone_hash, in_scope(scope))
        .order_by(Account.id)
        .limit(ACCOUNTS_OF_A_PHONE)
    )
    return (await session.scalars(found)).all()


async def count_other_admins(session: AsyncSession, account_id: uuid.UUID) -> int:
    """Count the other administrators who can sign in.

    Takes a lock until the end of the transaction, so that two administrators cannot demote each
    other at the same time.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_ADMINS_LOCK)))
    others = (
        select(func.count())
        .select_from(Account)
        .where(
            Account.roles.contains([ADMIN]), Account.locked_at.is_(None), Account.id != account_id
        )
    )
    return await session.scalar(others) or 0


async def list_tokens_valid_from(
    session: AsyncSession, *, since: datetime
) -> list[tuple[uuid.UUID, datetime]]:
    rows = await session.execute(_TOKENS_VALID_FROM, {"since": since})
    return [(account_id, instant) for account_id, instant in rows if instant is not None]
