import uuid
from collections.abc import Sequence

from sqlalchemy import func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind

ACCOUNTS_OF_A_PHONE = 50


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
