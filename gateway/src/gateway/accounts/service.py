"""Accounts: of staff, with a password, and of people, with a telephone number."""

import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import queries, rules
from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind, AccountScope, Offices
from gateway.accounts.schemas import AccountRoles, NewStaff
from gateway.changes import service as changes
from gateway.changes.models import AccountChange
from gateway.changes.rules import COMMAND_LINE, Author, ChangeKind, ChangeSource
from gateway.passwords import OPERATOR, HashCost, hash_new_password, make_requester
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """An administrator's change of an account: principal, request and reason."""

    principal: Principal
    request_id: str
    reason: str

    @property
    def author(self) -> Author:
        """The author for the account's history."""
        admin_id = self.principal.account_id
        return Author(ChangeSource.ADMINISTRATOR, admin_id, self.request_id, self.reason)


async def create_staff(
    session: AsyncSession,
    new: NewStaff,
    *,
    by: AdminRequest | None,
    offices: Offices,
    now: datetime,
    cost: HashCost,
) -> Account:
    """Create an account that signs in with username and password.

    by: None for the command line, which no scope limits. offices: what there is of the scope and
    the wadah.
    Raises: UsernameTaken, AccountOutOfScope, PasswordTooCommon, PasswordHasUsername, SignInBusy,
    and as `rules.check_staff_roles` and `rules.check_offices`.
    """
    _check_wanted(new, None, by=by, offices=offices)
    row = Account(
        id=new_id(),
        kind=AccountKind.STAFF,
        username=new.username,
        password_hash=await hash_new_password(
            new.password.get_secret_value(),
            username=new.username,
            field="password",
            by=make_requester(by.principal.account_id) if by is not None else OPERATOR,
            cost=cost,
        ),
        display_label=new.display_label,
        roles=sorted(new.roles),
        version=1,
        created_at=now,
    )
    _set_scope(row, new)
    account = await insert_once(session, row)
    if account is None:
        raise rules.UsernameTaken(field="username")
    author = by.author if by is not None else COMMAND_LINE
    after = _describe_roles(account)
    await record_change(session, account, ChangeKind.CREATED, by=author, now=now, after=after)
    return account


async def set_roles(
    session: AsyncSession,
    new: AccountRoles,
    *,
    account_id: uuid.UUID,
    by: AdminRequest,
    offices: Offices,
    if_match: str,
    now: datetime,
) -> Account:
    """Replace roles, scope and wadah of a staff account.

    Raises: AccountNotFound, OwnAccount, VersionChanged, LastAdmin, and as `create_staff`.
    """
    account = await lock_to_change(session, account_id=account_id, by=by)
    rules.check_version(if_match, account.version)
    if account.kind != AccountKind.STAFF:
        raise rules.RolesNotAllowed(field="roles")
    _check_wanted(new, account, by=by, offices=offices)
    if rules.ADMIN in account.roles and rules.ADMIN not in new.roles:
        await _check_not_last_admin(session, account)
    before = _describe_roles(account)
    account.roles = sorted(new.roles)
    _set_scope(account, new)
    end_tokens(account)
    await record_change(
        session,
        account,
        ChangeKind.ROLES_CHANGED,
        by=by.author,
        now=now,
        before=before,
        after=_describe_roles(account),
    )
    return account


async def lock(
    session: AsyncSession, *, account_id: uuid.UUID, by: AdminRequest, now: datetime
) -> Account:
    """Lock an account: its sessions end and it cannot sign in. A locked one stays as it is.

    Raises: AccountNotFound, OwnAccount, AccountOutOfScope, LastAdmin.
    """
    account = await lock_to_change(session, account_id=account_id, by=by)
    if account.locked_at is None:
        if rules.ADMIN in account.roles:
            await _check_not_last_admin(session, account)
        account.locked_at, account.locked_by = now, by.principal.account_id
        end_sessions(account)
        await record_change(session, account, ChangeKind.LOCKED, by=by.author, now=now)
    return account


async def unlock(
    session: AsyncSession, *, account_id: uuid.UUID, by: AdminRequest, now: datetime
) -> Account:
    """Let an account sign in again. Raises: AccountNotFound, OwnAccount, AccountOutOfScope."""
    account = await lock_to_change(session, account_id=account_id, by=by)
    if account.locked_at is not None:
        account.locked_at = account.locked_by = None
        account.version += 1
        await record_change(session, account, ChangeKind.UNLOCKED, by=by.author, now=now)
    return account


async def set_phone(
    session: AsyncSession,
    keyring: Keyring,
    *,
    account_id: uuid.UUID,
    phone: str,
    by: AdminRequest,
    now: datetime,
) -> Account:
    """Give a person's account another telephone number and end its sessions.

    The old number gets a notice. Raises: AccountNotFound, OwnAccount, AccountOutOfScope,
    NotAPerson, PhoneTaken.
    """
    account = await lock_to_change(session, account_id=account_id, by=by)
    if account.kind != AccountKind.PERSON:
        raise rules.NotAPerson
    phone_hash, old = keyring.lookup("phone", phone), account.phone
    is_empty = account.member_id is None and account.was_agent_at is None
    if is_empty and await queries.has_empty_account(session, phone_hash):
        raise rules.PhoneTaken(field="phone")
    account.phone, account.phone_hash, account.phone_ended_at = phone, phone_hash, None
    end_sessions(account)
    await record_change(
        session, account, ChangeKind.PHONE_CHANGED, by=by.author, now=now, notify_phone=old
    )
    return account


async def get_visible(
    session: AsyncSession, *, account_id: uuid.UUID, reader: Principal
) -> Account:
    """Return an account. Raises: AccountNotFound, also for one outside the reader's scope."""
    return await queries.get_visible(session, account_id, scope=_get_reach(reader))


async def list_page(
    session: AsyncSession,
    *,
    reader: Principal,
    kind: AccountKind | None,
    role: str | None,
    username: str | None,
    limit: int,
    cursor: str | None,
) -> Slice[Account]:
    """Return one page within the reader's scope, newest first, and the cursor of the next.

    Raises: CursorInvalid.
    """
    rows = await queries.list_accounts(
        session,
        scope=_get_reach(reader),
        kind=kind,
        role=role,
        username=username,
        after=read_cursor(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda row: row.id)


async def list_history(
    session: AsyncSession,
    *,
    account_id: uuid.UUID,
    reader: Principal,
    limit: int,
    cursor: str | None,
) -> Slice[AccountChange]:
    """Return one page of an account's changes, newest first, and the cursor of the next.

    Raises: AccountNotFound, also for one outside the reader's scope; CursorInvalid.
    """
    account = await get_visible(session, account_id=account_id, reader=reader)
    return await changes.list_page(session, account_id=account.id, limit=limit, cursor=cursor)


async def list_with_phone(
    session: AsyncSession, keyring: Keyring, *, phone: str, reader: Principal
) -> Sequence[Account]:
    """Return the accounts of a telephone number within the reader's scope."""
    phone_hash = keyring.lookup("phone", phone)
    return await queries.list_by_phone(session, phone_hash, scope=_get_reach(reader))


async def find_staff(session: AsyncSession, *, username: str) -> Account | None:
    """Return the staff account with this username."""
    return await queries.find_by_username(session, username)


async def find(session: AsyncSession, *, account_id: uuid.UUID) -> Account | None:
    """Return an account."""
    return await queries.find_account(session, account_id)


async def get_locked(session: AsyncSession, *, account_id: uuid.UUID) -> Account:
    """Return an account, its row locked. Raises: AccountNotFound."""
    return await queries.lock_account(session, account_id)


async def lock_to_change(
    session: AsyncSession, *, account_id: uuid.UUID, by: AdminRequest
) -> Account:
    """Return an account that this administrator may change, its row locked.

    Raises: AccountNotFound, OwnAccount, AccountOutOfScope.
    """
    account = await queries.lock_account(session, account_id)
    _check_may_change(by, account)
    return account


async def list_tokens_valid_from(
    session: AsyncSession, *, since: datetime
) -> list[tuple[uuid.UUID, datetime]]:
    """Return the accounts whose tokens were revoked since then, and when."""
    return await queries.list_tokens_valid_from(session, since=since)


async def record_change(
    session: AsyncSession,
    account: Account,
    change: ChangeKind,
    *,
    by: Author,
    now: datetime,
    notify_phone: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write a changed account and a row of its history.

    notify_phone: the number for the notice; the account's present number when left out.
    """
    await session.flush()
    await changes.record(
        session,
        change,
        account_id=account.id,
        phone=notify_phone or account.phone,
        email=account.email,
        by=by,
        now=now,
        before=before,
        after=after,
    )


def read_claims(
    account: Account, *, amr: Sequence[str], device_id: str | None, session_id: uuid.UUID
) -> Principal:
    """Return the subject that an account's tokens describe."""
    return Principal(
        account_id=account.id,
        roles=frozenset(Role(role) for role in account.roles),
        agent_id=account.agent_id,
        member_id=account.member_id,
        wadah_id=account.present_wadah_id,
        scope=get_scope(account),
        amr=tuple(amr),
        device_id=device_id,
        session_id=session_id,
    )


def get_scope(account: Account) -> Scope | None:
    """Return the scope of an account."""
    if account.scope_kind is None:
        return None
    return Scope(ScopeKind(account.scope_kind), account.scope_code, account.scope_region)


def end_tokens(account: Account) -> None:
    """Revoke the access tokens issued so far, because the account has changed.

    The caller holds the account's row lock. The clock is read under it, as when a session begins.
    """
    account.tokens_valid_from = clock.real_now()
    account.version += 1


def end_sessions(account: Account) -> None:
    """End the sessions begun so far and revoke their access tokens, as `end_tokens` does."""
    end_tokens(account)
    account.sessions_valid_from = account.tokens_valid_from


def add_role(account: Account, role: str) -> None:
    """Add a role to those an account has."""
    account.roles = sorted({*account.roles, role})


def _check_wanted(
    new: AccountRoles, account: Account | None, *, by: AdminRequest | None, offices: Offices
) -> None:
    wanted = new.account_scope
    rules.check_staff_roles(
        new.roles,
        scope_kind=wanted.kind,
        scope_code=wanted.code,
        scope_region=wanted.region,
        wadah_id=new.wadah_id,
    )
    if by is not None:
        _check_may_change(by, account, wanted)
    rules.check_offices(wanted, wadah_id=new.wadah_id, offices=offices)


def _check_may_change(by: AdminRequest, account: Account | None, *more: AccountScope) -> None:
    scopes = [*more]
    if account is not None:
        scopes.append(AccountScope(account.scope_kind, account.scope_code, account.scope_region))
    rules.check_may_change(
        actor_id=by.principal.account_id,
        account_id=account.id if account is not None else None,
        actor=_get_reach(by.principal),
        scopes=scopes,
    )


def _get_reach(principal: Principal) -> AccountScope:
    """Return the scope of a principal; an administrator without one has the country."""
    scope = principal.scope
    if scope is None:
        return rules.COUNTRY if principal.has(Role.ADMIN) else AccountScope()
    return AccountScope(scope.kind, scope.code, scope.region)


def _set_scope(account: Account, new: AccountRoles) -> None:
    wanted = new.account_scope
    account.scope_kind, account.scope_code, account.scope_region = astuple(wanted)
    account.wadah_id = new.wadah_id


def _describe_roles(account: Account) -> dict[str, Any]:
    return {
        "roles": list(account.roles),
        "scope": {
            "kind": account.scope_kind,
            "code": account.scope_code,
            "region": account.scope_region,
        },
        "wadah_id": str(account.wadah_id) if account.wadah_id else None,
    }


async def _check_not_last_admin(session: AsyncSession, account: Account) -> None:
    if await queries.count_other_admins(session, account.id) == 0:
        raise rules.LastAdmin
