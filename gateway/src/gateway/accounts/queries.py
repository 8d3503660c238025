import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.accounts.rules import ADMIN, AccountKind, AccountNotFound

ACCOUNTS_OF_A_PHONE = 50
_ADMINS_LOCK = 4_701


async def find_account(session: AsyncSession, account_id: uuid.UUID) -> Account | None:
    return await session.get(Account, account_id)


async def get_account(session: AsyncSession, account_id: uuid.UUID) -> Account:
    account = await find_account(session, account_id)
    if account is None:
        raise AccountNotFound
    return account


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
    kind: AccountKind | None,
    role: str | None,
    username: str | None,
    after: uuid.UUID | None,
    limit: int,
) -> Sequence[Account]:
    """Newest first; ids are in the order of their making."""
    wanted: list[ColumnElement[bool]] = []
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


async def list_by_phone(session: AsyncSession, phone_hash: bytes) -> Sequence[Account]:
    found = (
        select(Account)
        .where(Account.phone_hash == phone_hash)
        .order_by(Account.id)
        .limit(ACCOUNTS_OF_A_PHONE)
    )
    return (await session.scalars(found)).all()


async def lock_people(
    session: AsyncSession, *, phone_hash: bytes, member_ids: Sequence[uuid.UUID]
) -> Sequence[Account]:
    """The accounts of a telephone number or of these members, locked by id."""
    found = (
        select(Account)
        .where(
            Account.kind == AccountKind.PERSON,
            or_(Account.phone_hash == phone_hash, Account.member_id.in_(member_ids)),
        )
        .order_by(Account.id)
        .limit(ACCOUNTS_OF_A_PHONE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(found)).all()


async def insert_once_person(session: AsyncSession, account: Account) -> None:
    """Insert, unless somebody else has just made the account of this member or number."""
    values = {
        column.key: getattr(account, column.key)
        for column in Account.__table__.columns
        if getattr(account, column.key) is not None
    }
    await session.execute(insert(Account).values(**values).on_conflict_do_nothing())


async def insert_once_staff(session: AsyncSession, account: Account) -> bool:
    """Tell whether the username was free."""
    values = {
        column.key: getattr(account, column.key)
        for column in Account.__table__.columns
        if getattr(account, column.key) is not None
    }
    made = insert(Account).values(**values).on_conflict_do_nothing().returning(Account.id)
    return await session.scalar(made) is not None


async def find_by_member(session: AsyncSession, member_id: uuid.UUID) -> Account | None:
    return await session.scalar(select(Account).where(Account.member_id == member_id))


async def count_other_admins(session: AsyncSession, account_id: uuid.UUID) -> int:
    """Count the other administrators who can sign in.

    Takes a lock that lasts as long as the transaction: two administrators who demote each other
    at the same time must not both find one left.
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
    changed = select(Account.id, Account.tokens_valid_from).where(
        Account.tokens_valid_from >= since
    )
    rows = await session.execute(changed)
    return [(account_id, instant) for account_id, instant in rows if instant is not None]
