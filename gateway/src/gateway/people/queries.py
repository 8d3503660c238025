import uuid
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account, AgentWadahMove
from gateway.accounts.rules import AccountKind
from gateway.people.models import AgentAccount
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.events.catalogue import AgentMoved
from perisai_kit.services.agents.moves import upsert_moves_statement

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


async def lock_accounts(
    session: AsyncSession, *conditions: ColumnElement[bool]
) -> Sequence[Account]:
    """Return the accounts that meet the conditions, locked in the order of their ids.

    All lock them in this order, because two that lock in different orders would deadlock.
    """
    locked = select(Account).where(*conditions).order_by(Account.id).with_for_update()
    return (await session.scalars(locked.execution_options(populate_existing=True))).all()


async def lock_with_phone_of(
    session: AsyncSession, member_ids: Collection[uuid.UUID]
) -> Sequence[Account]:
    """Return the accounts of members that sign in with the member's number, locked."""
    return await lock_accounts(
        session,
        Account.member_id.in_(member_ids),
        Account.was_agent_at.is_(None),
        Account.phone_ended_at.is_(None),
    )


async def upsert_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> None:
    await session.execute(upsert_moves_statement(AgentWadahMove, events))


async def lock_people(
    session: AsyncSession, *, phone_hash: bytes, member_ids: Sequence[uuid.UUID]
) -> Sequence[Account]:
    """Return the accounts of a telephone number or of these members, locked.

    Accounts that have signed in before come first, then the members' accounts. The limit applies in
    that order, so that invented accounts for a number cannot crowd out real ones.
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
    chosen = (await session.scalars(offered)).all()
    found = await lock_accounts(session, Account.id.in_(chosen))
    return sorted(found, key=lambda account: (account.first_signed_in_at is None, account.id))


async def insert_agent_accounts(
    session: AsyncSession, accounts: Mapping[uuid.UUID, uuid.UUID]
) -> None:
    """Insert the accounts of agents; the first account of an agent stays."""
    rows = [
        {"agent_id": agent_id, "account_id": account_id}
        for agent_id, account_id in sorted(accounts.items())
    ]
    await session.execute(insert_rows_statement(AgentAccount, rows).on_conflict_do_nothing())


async def find_agent_accounts(
    session: AsyncSession, agent_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Account]:
    """Return the accounts of these agents, also of those who have lost the role."""
    remembered = (
        select(AgentAccount.agent_id, Account)
        .join(Account, Account.id == AgentAccount.account_id)
        .where(AgentAccount.agent_id == any_id(agent_ids))
    )
    # Of an agent from before the table, the account itself tells it.
    present = select(Account).where(Account.agent_id == any_id(agent_ids))
    found = {
        account.agent_id: account
        for account in await session.scalars(present)
        if account.agent_id is not None
    }
    return found | {row[0]: row[1] for row in await session.execute(remembered)}
