import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind

ACCOUNTS_OF_A_PHONE = 50


async def list_members_signed_in(session: AsyncSession, phone_hash: bytes) -> Sequence[uuid.UUID]:
    """Return the members whose accounts have signed in with this number before."""
    known = (
        select(Account.member_id)
        .where(
            Account.phone_hash == phone_hash,
            Account.kind == AccountKind.PERSON,
            Account.member_id.is_not(None),
            Account.first_signed_in_at.is_not(None),
        )
        .order_by(Account.first_signed_in_at, Account.id)
        .limit(ACCOUNTS_OF_A_PHONE)
    )
    return [each for each in await session.scalars(known) if each is not None]


async def lock_accounts(session: AsyncSession, account_ids: Collection[uuid.UUID]) -> None:
    """Lock accounts in the order of their ids, as sign-ins do."""
    chosen = select(Account.id).where(Account.id.in_(account_ids))
    await session.execute(chosen.order_by(Account.id).with_for_update())


async def lock_with_phone_of(
    session: AsyncSession, member_ids: Collection[uuid.UUID]
) -> Sequence[Account]:
    """Return the accounts of members that sign in with the member's number, locked by id."""
    chosen = select(Account).where(
        Account.member_id.in_(member_ids),
        Account.was_agent_at.is_(None),
        Account.phone_ended_at.is_(None),
    )
    locked = chosen.order_by(Account.id).with_for_update()
    return (await session.scalars(locked.execution_options(populate_existing=True))).all()


async def lock_people(
    session: AsyncSession, *, phone_hash: bytes, member_ids: Sequence[uuid.UUID]
) -> Sequence[Account]:
    """Return the accounts of a telephone number or of these members, locked.

    Accounts that have signed in before come first, then the members' accounts. The limit applies in
    that order, so that invented accounts for a number cannot crowd out real ones. They are locked
    by id, because two sign-ins that lock in different orders would deadlock.
    """
    offered = (
        select(Account.id)
        .where(
            Account.kind == AccountKind.PERSON,
            or_(Account.phone_hash == phone_hash, Account.member_id.in_(member_ids)),
        )
        .order_by(
            Account.first_signed_in_at.is_(None),
            func.coalesce(Account.member_id.not_in(member_ids), true()),
            Account.id,
        )
        .limit(ACCOUNTS_OF_A_PHONE)
    )
    locked = (
        select(Account)
        .where(Account.id.in_((await session.scalars(offered)).all()))
        .order_by(Account.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = (await session.scalars(locked)).all()
    return sorted(found, key=lambda account: (account.first_signed_in_at is None, account.id))
