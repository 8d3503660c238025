"""People's accounts: created at the first sign-in, found by telephone number, agents' roles."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.accounts.models import Account
from gateway.accounts.rules import AGENT, MEMBER, AccountKind
from gateway.changes.rules import EVENT, SIGN_IN, ChangeKind
from gateway.people import queries, rules
from perisai_kit.auth.principal import ScopeKind
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AgentMoved
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.masks import mask_phone


@dataclass(frozen=True, slots=True)
class Person:
    """A member with the telephone number, from member-service."""

    member_id: uuid.UUID
    label: str


async def list_members_signed_in(
    session: AsyncSession, keyring: Keyring, *, phone: str
) -> Sequence[uuid.UUID]:
    """Return the members whose accounts have signed in with this number before.

    member-service is asked for them by name, so that many made-up members with somebody's number
    do not crowd them out.
    """
    return await queries.list_members_signed_in(session, keyring.lookup("phone", phone))


async def find_accounts(
    session: AsyncSession,
    keyring: Keyring,
    *,
    phone: str,
    people: Sequence[Person] | None,
    now: datetime,
) -> Sequence[Account]:
    """Return the accounts of a proven number, at least one, and create missing ones.

    Accounts that have signed in before come first. Locks the accounts by id.
    people: the members with this number; None if member-service did not answer. now: before it was
    asked.
    """
    phone_hash = keyring.lookup("phone", phone)
    asked = [person.member_id for person in people or ()]
    known = await queries.lock_people(session, phone_hash=phone_hash, member_ids=asked)
    people = _drop_outdated(people, known, now)
    members = None if people is None else [person.member_id for person in people]
    choice = rules.choose_accounts([_to_known(each, phone_hash) for each in known], members)
    if choice.attach is not None:
        await _attach(session, known, choice.attach, people or (), now=now)
    labels = {person.member_id: person.label for person in people or ()}
    for member_id in choice.create:
        person = _make_person(phone, phone_hash, labels[member_id], member_id=member_id, now=now)
        await _insert(session, person, now=now)
    if choice.create_empty:
        nobody = _make_person(phone, phone_hash, mask_phone(phone), member_id=None, now=now)
        await _insert(session, nobody, now=now)
    if choice.create or choice.create_empty:
        # Another sign-in may have created the same accounts, so they are read again.
        known = await queries.lock_people(session, phone_hash=phone_hash, member_ids=members or ())
        choice = rules.choose_accounts([_to_known(each, phone_hash) for each in known], members)
    kept = [account for account in known if account.id in choice.keep]
    for account in kept:
        await _follow(session, account, phone, phone_hash, now=now)
    return kept


async def lock_accounts(session: AsyncSession, account_ids: Collection[uuid.UUID]) -> None:
    """Lock several accounts before the first of them is changed."""
    await queries.lock_accounts(session, Account.id.in_(account_ids))


async def remember_agents(session: AsyncSession, accounts: Mapping[uuid.UUID, uuid.UUID]) -> None:
    """Remember the account of each agent, beyond the end of the role."""
    await queries.insert_agent_accounts(session, accounts)


async def find_agent_accounts(
    session: AsyncSession, agent_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Account]:
    """Return the accounts of these agents, also of those who have lost the role."""
    return await queries.find_agent_accounts(session, agent_ids) if agent_ids else {}


async def add_agent(
    session: AsyncSession,
    *,
    account_id: uuid.UUID,
    agent_id: uuid.UUID,
    wadah_id: uuid.UUID,
    branch_code: str,
    region_code: str,
    now: datetime,
) -> None:
    """Give a person's account the role of this agent, if it does not have it yet.

    The member of the application is not attached: that takes a sign-in with the member's own
    number.
    Raises: AccountNotFound.
    """
    account = await accounts.get_locked(session, account_id=account_id)
    if account.agent_id == agent_id:
        return
    accounts.add_role(account, AGENT)
    account.agent_id, account.wadah_id = agent_id, wadah_id
    account.scope_kind, account.scope_code, account.scope_region = (
        ScopeKind.BRANCH,
        branch_code,
        region_code,
    )
    if account.was_agent_at is not None:
        # A person who could edit the member's record may have signed in meanwhile.
        accounts.end_sessions(account)
    else:
        account.was_agent_at = now
        account.version += 1
    given = {"agent_id": str(agent_id), "branch": branch_code, "region": region_code}
    await accounts.record_change(
        session, account, ChangeKind.AGENT_ROLE_GIVEN, by=EVENT, now=now, after=given
    )


async def remove_agent(
    session: AsyncSession, *, account_id: uuid.UUID, agent_id: uuid.UUID, now: datetime
) -> None:
    """Remove the role of this agent, but not that of another agent.

    The account stays marked as an agent's in any case. Raises: AccountNotFound.
    """
    account = await accounts.get_locked(session, account_id=account_id)
    # agent-service says that it was this agent's account, whatever is stored here.
    account.was_agent_at = account.was_agent_at or now
    if account.agent_id != agent_id:
        return
    account.roles = [role for role in account.roles if role != AGENT]
    account.agent_id = account.wadah_id = None
    account.scope_kind = account.scope_code = account.scope_region = None
    accounts.end_tokens(account)
    taken = {"agent_id": str(agent_id)}
    await accounts.record_change(
        session, account, ChangeKind.AGENT_ROLE_TAKEN, by=EVENT, now=now, before=taken
    )


async def take_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> None:
    """Store the moves of agents to other wadahs, which their tokens follow from the first day on.

    No token is revoked: none outlives the day before a move.
    """
    await queries.upsert_moves(session, events)


async def end_phones(
    session: AsyncSession, *, member_ids: Collection[uuid.UUID], now: datetime
) -> None:
    """End the sessions of members after a change of their number, and refuse the old number.

    The next sign-in with the new number moves the account. A member who signed in with it before
    the event arrived must sign in again.
    """
    for account in await queries.lock_with_phone_of(session, member_ids):
        account.phone_ended_at = now
        accounts.end_sessions(account)
        await accounts.record_change(session, account, ChangeKind.PHONE_ENDED, by=EVENT, now=now)


def _drop_outdated(
    people: Sequence[Person] | None, known: Sequence[Account], asked_at: datetime
) -> Sequence[Person] | None:
    """Remove the members whose number changed after the question to member-service."""
    changed = {
        account.member_id
        for account in known
        if account.phone_ended_at is not None and account.phone_ended_at > asked_at
    }
    return people and [person for person in people if person.member_id not in changed]


def _to_known(account: Account, phone_hash: bytes) -> rules.Known:
    return rules.Known(
        account_id=account.id,
        member_id=account.member_id,
        was_agent=account.was_agent_at is not None,
        has_phone=account.phone_hash == phone_hash
        and (account.phone_ended_at is None or account.was_agent_at is not None),
    )


async def _attach(
    session: AsyncSession,
    known: Sequence[Account],
    attach: tuple[uuid.UUID, uuid.UUID],
    people: Sequence[Person],
    *,
    now: datetime,
) -> None:
    account = next(each for each in known if each.id == attach[0])
    account.member_id = attach[1]
    account.display_label = next(p.label for p in people if p.member_id == attach[1])
    accounts.add_role(account, MEMBER)
    account.version += 1
    attached = {"member_id": str(attach[1])}
    await accounts.record_change(
        session, account, ChangeKind.MEMBER_ATTACHED, by=SIGN_IN, now=now, after=attached
    )


async def _follow(
    session: AsyncSession, account: Account, phone: str, phone_hash: bytes, *, now: datetime
) -> None:
    """Move a member's account to the member's new number. The old number gets a notice.

    Earlier sessions end, so the old telephone is signed in no longer.
    """
    account.phone_ended_at = None
    if account.phone_hash == phone_hash:
        return
    old = account.phone
    account.phone, account.phone_hash = phone, phone_hash
    accounts.end_sessions(account)
    await accounts.record_change(
        session, account, ChangeKind.PHONE_CHANGED, by=SIGN_IN, now=now, notify_phone=old
    )


async def _insert(session: AsyncSession, account: Account, *, now: datetime) -> None:
    if await insert_once(session, account) is not None:
        made = {"roles": account.roles}
        await accounts.record_change(
            session, account, ChangeKind.CREATED, by=SIGN_IN, now=now, after=made
        )


def _make_person(
    phone: str, phone_hash: bytes, label: str, *, member_id: uuid.UUID | None, now: datetime
) -> Account:
    return Account(
        id=new_id(),
        kind=AccountKind.PERSON,
        phone=phone,
        phone_hash=phone_hash,
        display_label=label,
        member_id=member_id,
        roles=[MEMBER] if member_id else [],
        version=1,
        created_at=now,
    )
