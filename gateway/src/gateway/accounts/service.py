"""Accounts: staff who sign in with a password, and people who sign in with a telephone."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import queries, rules
from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind
from gateway.accounts.schemas import NewStaff, RolesIn
from gateway.passwords import hash_password
from perisai_kit.auth import Principal, Role, Scope, ScopeKind
from perisai_kit.fields import CursorInvalid, decode_cursor, encode_cursor
from perisai_kit.ids import new_id
from perisai_kit.pii import Keyring, mask_phone


@dataclass(frozen=True, slots=True)
class Person:
    """A member with the telephone number, as member-service names him."""

    member_id: uuid.UUID
    label: str


async def create_staff(session: AsyncSession, new: NewStaff, *, now: datetime) -> Account:
    """Create an account that signs in with username and password.

    Raises: UsernameTaken, RolesNotAllowed, ScopeInvalid, ScopeRequired, WadahRequired.
    """
    _check_roles(new)
    account = Account(
        id=new_id(),
        kind=AccountKind.STAFF,
        username=new.username,
        password_hash=await hash_password(new.password.get_secret_value()),
        display_label=new.display_label,
        roles=sorted(new.roles),
        version=1,
        created_at=now,
    )
    _set_scope(account, new)
    if not await queries.insert_once_staff(session, account):
        raise rules.UsernameTaken(field="username")
    return await queries.get_account(session, account.id)


async def set_roles(
    session: AsyncSession,
    new: RolesIn,
    *,
    account_id: uuid.UUID,
    if_match: str | None,
    now: datetime,
) -> Account:
    """Replace roles, scope and wadah of a staff account.

    Raises: AccountNotFound, VersionMissing, VersionChanged, LastAdmin, and as `create_staff`.
    """
    account = await queries.lock_account(session, account_id)
    rules.check_version(if_match, account.version)
    if account.kind != AccountKind.STAFF:
        raise rules.RolesNotAllowed(field="roles")
    _check_roles(new)
    if rules.ADMIN in account.roles and rules.ADMIN not in new.roles:
        await _check_not_last_admin(session, account)
    account.roles = sorted(new.roles)
    _set_scope(account, new)
    end_tokens(account, now)
    await session.flush()
    return account


async def lock(
    session: AsyncSession, *, account_id: uuid.UUID, by: uuid.UUID, now: datetime
) -> Account:
    """Lock an account: its sessions end and it cannot sign in. A locked one stays as it is.

    Raises: AccountNotFound, LastAdmin.
    """
    account = await queries.lock_account(session, account_id)
    if account.locked_at is None:
        if rules.ADMIN in account.roles:
            await _check_not_last_admin(session, account)
        account.locked_at, account.locked_by = now, by
        account.sessions_valid_from = now
        end_tokens(account, now)
        await session.flush()
    return account


async def unlock(session: AsyncSession, *, account_id: uuid.UUID) -> Account:
    """Let an account sign in again. Raises: AccountNotFound."""
    account = await queries.lock_account(session, account_id)
    if account.locked_at is not None:
        account.locked_at = account.locked_by = None
        account.version += 1
        await session.flush()
    return account


async def set_phone(
    session: AsyncSession,
    keyring: Keyring,
    *,
    account_id: uuid.UUID,
    phone: str,
    now: datetime,
) -> Account:
    """Give a person's account another telephone number and end its sessions.

    Raises: AccountNotFound, NotAPerson, PhoneTaken.
    """
    account = await queries.lock_account(session, account_id)
    if account.kind != AccountKind.PERSON:
        raise rules.NotAPerson
    phone_hash = keyring.lookup("phone", phone)
    others = await queries.list_by_phone(session, phone_hash)
    if account.member_id is None and any(other.member_id is None for other in others):
        raise rules.PhoneTaken(field="phone")
    account.phone, account.phone_hash = phone, phone_hash
    account.sessions_valid_from = now
    end_tokens(account, now)
    await session.flush()
    return account


async def get(session: AsyncSession, *, account_id: uuid.UUID) -> Account:
    """Return an account. Raises: AccountNotFound."""
    return await queries.get_account(session, account_id)


async def list_page(
    session: AsyncSession,
    *,
    kind: AccountKind | None,
    role: str | None,
    username: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Account], str | None]:
    """Return one page, newest first, and the cursor of the next. Raises: CursorInvalid."""
    rows = await queries.list_accounts(
        session,
        kind=kind,
        role=role,
        username=username,
        after=_after(cursor),
        limit=limit + 1,
    )
    page = rows[:limit]
    return page, encode_cursor(str(page[-1].id)) if len(rows) > limit else None


async def list_with_phone(
    session: AsyncSession, keyring: Keyring, *, phone: str
) -> Sequence[Account]:
    """Return the accounts of a telephone number."""
    return await queries.list_by_phone(session, keyring.lookup("phone", phone))


async def people_of_phone(
    session: AsyncSession,
    keyring: Keyring,
    *,
    phone: str,
    people: Sequence[Person] | None,
    now: datetime,
) -> Sequence[Account]:
    """Return the accounts a proven number leads to, at least one, made where they are missing.

    people: the members with this number; None when member-service did not answer.
    Locks the accounts by id.
    """
    phone_hash = keyring.lookup("phone", phone)
    members = None if people is None else [person.member_id for person in people]
    known = await queries.lock_people(session, phone_hash=phone_hash, member_ids=members or ())
    choice = rules.people_of_phone([_known(each, phone_hash) for each in known], members)
    if choice.attach is not None:
        _attach(known, choice.attach, people or ())
    labels = {person.member_id: person.label for person in people or ()}
    for member_id in choice.create:
        await queries.insert_once_person(
            session, _person(phone, phone_hash, labels[member_id], member_id=member_id, now=now)
        )
    if choice.create_empty:
        await queries.insert_once_person(
            session, _person(phone, phone_hash, mask_phone(phone), member_id=None, now=now)
        )
    await session.flush()
    if choice.create or choice.create_empty:
        # Somebody else may have made the same ones at the same time: read what there is now.
        known = await queries.lock_people(session, phone_hash=phone_hash, member_ids=members or ())
        choice = rules.people_of_phone([_known(each, phone_hash) for each in known], members)
    kept = [account for account in known if account.id in choice.keep]
    for account in kept:
        account.phone, account.phone_hash = phone, phone_hash
    await session.flush()
    return kept


async def find_staff(session: AsyncSession, *, username: str) -> Account | None:
    """Return the staff account with this username."""
    return await queries.find_by_username(session, username)


async def find(session: AsyncSession, *, account_id: uuid.UUID) -> Account | None:
    """Return an account."""
    return await queries.find_account(session, account_id)


async def get_locked(session: AsyncSession, *, account_id: uuid.UUID) -> Account:
    """Return an account, its row locked. Raises: AccountNotFound."""
    return await queries.lock_account(session, account_id)


async def list_tokens_valid_from(
    session: AsyncSession, *, since: datetime
) -> list[tuple[uuid.UUID, datetime]]:
    """Return the accounts whose older access tokens stopped counting from `since` on."""
    return await queries.list_tokens_valid_from(session, since=since)


async def make_agent(
    session: AsyncSession,
    *,
    account_id: uuid.UUID,
    agent_id: uuid.UUID,
    member_id: uuid.UUID,
    wadah_id: uuid.UUID,
    branch_code: str,
    region_code: str,
) -> None:
    """Give a person's account the role of this agent. Raises: AccountNotFound."""
    account = await queries.lock_account(session, account_id)
    if account.member_id is None and await queries.find_by_member(session, member_id) is None:
        account.member_id = member_id
        _add_role(account, rules.MEMBER)
    _add_role(account, rules.AGENT)
    account.agent_id, account.wadah_id = agent_id, wadah_id
    account.scope_kind, account.scope_code, account.scope_region = (
        ScopeKind.BRANCH,
        branch_code,
        region_code,
    )
    account.version += 1
    await session.flush()


async def unmake_agent(
    session: AsyncSession, *, account_id: uuid.UUID, agent_id: uuid.UUID, now: datetime
) -> None:
    """Take the role of this agent away; another agent's is left alone. Raises: AccountNotFound."""
    account = await queries.lock_account(session, account_id)
    if account.agent_id != agent_id:
        return
    account.roles = [role for role in account.roles if role != rules.AGENT]
    account.agent_id = account.wadah_id = None
    account.scope_kind = account.scope_code = account.scope_region = None
    end_tokens(account, now)
    await session.flush()


def principal_of(
    account: Account, *, amr: Sequence[str], device_id: str | None, session_id: uuid.UUID
) -> Principal:
    """Return the subject that an account's tokens describe."""
    return Principal(
        account_id=account.id,
        roles=frozenset(Role(role) for role in account.roles),
        agent_id=account.agent_id,
        member_id=account.member_id,
        wadah_id=account.wadah_id,
        scope=scope_of(account),
        amr=tuple(amr),
        device_id=device_id,
        session_id=session_id,
    )


def scope_of(account: Account) -> Scope | None:
    """Return the part of the country an account works for."""
    if account.scope_kind is None:
        return None
    return Scope(ScopeKind(account.scope_kind), account.scope_code, account.scope_region)


def _after(cursor: str | None) -> uuid.UUID | None:
    if cursor is None:
        return None
    try:
        return uuid.UUID(decode_cursor(cursor, 1)[0])
    except ValueError:
        raise CursorInvalid(field="cursor") from None


def _check_roles(new: RolesIn) -> None:
    scope = new.scope
    rules.check_staff_roles(
        new.roles,
        scope_kind=scope.kind if scope else None,
        scope_code=scope.code if scope else None,
        scope_region=scope.region if scope else None,
        wadah_id=new.wadah_id,
    )


def _set_scope(account: Account, new: RolesIn) -> None:
    account.scope_kind = new.scope.kind if new.scope else None
    account.scope_code = new.scope.code if new.scope else None
    account.scope_region = new.scope.region if new.scope else None
    account.wadah_id = new.wadah_id


async def _check_not_last_admin(session: AsyncSession, account: Account) -> None:
    if await queries.count_other_admins(session, account.id) == 0:
        raise rules.LastAdmin


def end_tokens(account: Account, now: datetime) -> None:
    """Let access tokens given before `now` count no more; the account has changed."""
    account.tokens_valid_from = now
    account.version += 1


def _known(account: Account, phone_hash: bytes) -> rules.Known:
    return rules.Known(
        account_id=account.id,
        member_id=account.member_id,
        is_agent=account.agent_id is not None,
        has_phone=account.phone_hash == phone_hash,
    )


def _attach(
    known: Sequence[Account], attach: tuple[uuid.UUID, uuid.UUID], people: Sequence[Person]
) -> None:
    account = next(each for each in known if each.id == attach[0])
    account.member_id = attach[1]
    account.display_label = next(p.label for p in people if p.member_id == attach[1])
    _add_role(account, rules.MEMBER)
    account.version += 1


def _person(
    phone: str, phone_hash: bytes, label: str, *, member_id: uuid.UUID | None, now: datetime
) -> Account:
    return Account(
        id=new_id(),
        kind=AccountKind.PERSON,
        phone=phone,
        phone_hash=phone_hash,
        display_label=label,
        member_id=member_id,
        roles=[rules.MEMBER] if member_id else [],
        version=1,
        created_at=now,
    )


def _add_role(account: Account, role: str) -> None:
    account.roles = sorted({*account.roles, role})
