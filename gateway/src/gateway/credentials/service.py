"""Credentials of staff: password and authenticator app.

At `/v1/me` every attempt is counted before it is verified, in its own transaction, so that a stolen
access token cannot be used to guess. A right password or code removes its attempt from the count.
"""

import uuid
from datetime import datetime

import pyotp
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind
from gateway.accounts.service import AdminRequest
from gateway.changes.rules import LIMIT, Author, ChangeKind
from gateway.credentials import rules
from gateway.credentials.schemas import PasswordChange, PasswordReset, TotpRemoval
from gateway.parts import Parts
from gateway.passwords import (
    HashCost,
    check_new_password,
    hash_new_password,
    hash_password,
    make_requester,
    queue,
)
from gateway.throttles import rules as throttle_rules
from gateway.throttles.rules import Blocked, TriedTooOften, Try
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.runtime.log import get_logger

TOTP_ISSUER = "Perisai"
TOTP_STEP_S = 30
TOTP_SLACK_STEPS = 1
"""Source: RFC 6238 5.2 recommends steps of 30 s and at most one step of delay."""

log = get_logger()


async def reset_password(
    session: AsyncSession,
    reset: PasswordReset,
    *,
    account_id: uuid.UUID,
    by: AdminRequest,
    now: datetime,
    cost: HashCost,
) -> None:
    """Set a new password for a staff account and end its sessions.

    Raises: AccountNotFound, OwnAccount, AccountOutOfScope, NotAStaffAccount, PasswordTooCommon,
    PasswordHasUsername, SignInBusy.
    """
    account = await accounts.lock_to_change(session, account_id=account_id, by=by)
    username = _get_username(account)
    account.password_hash = await hash_new_password(
        reset.password.get_secret_value(),
        username=username,
        field="password",
        by=make_requester(by.principal.account_id),
        cost=cost,
    )
    accounts.end_sessions(account)
    await accounts.record_change(session, account, ChangeKind.PASSWORD_RESET, by=by.author, now=now)
    if reset.remove_totp and account.totp_secret is not None:
        _clear_totp(account)
        await accounts.record_change(session, account, ChangeKind.TOTP_RESET, by=by.author, now=now)


async def change_password(parts: Parts, change: PasswordChange, *, by: Author) -> None:
    """Change the author's own password and end their sessions.

    Raises: NotAStaffAccount, TriedTooOften, PasswordIncorrect, PasswordTooCommon,
    PasswordHasUsername, SignInBusy.
    """
    now = clock.real_now()
    new_password = change.new_password.get_secret_value()
    async with parts.database.read() as session:
        own = await _find_own(session, by)
    requester = make_requester(own.id)
    await check_new_password(
        new_password, username=_get_username(own), field="new_password", by=requester
    )
    proven = await _prove_password(parts, by, change.current_password.get_secret_value(), now=now)
    hashed = await hash_password(new_password, by=requester, cost=parts.settings.hash_cost)
    async with parts.database.begin() as session:
        account = await _lock_proven(session, proven)
        account.password_hash = hashed
        accounts.end_sessions(account)
        await accounts.record_change(session, account, ChangeKind.PASSWORD_CHANGED, by=by, now=now)


async def prepare_totp(parts: Parts, password: str, *, by: Author) -> tuple[str, str]:
    """Return a new secret and its otpauth URI. It is active once a code has confirmed it.

    Raises: NotAStaffAccount, TriedTooOften, PasswordIncorrect, TotpAlreadyOn, SignInBusy.
    """
    now = clock.real_now()
    proven = await _prove_password(parts, by, password, now=now)
    secret = pyotp.random_base32()
    async with parts.database.begin() as session:
        account = await _lock_proven(session, proven)
        if account.totp_confirmed_at is not None:
            raise rules.TotpAlreadyOn
        account.totp_secret = secret
    totp = pyotp.TOTP(secret)
    return secret, totp.provisioning_uri(name=_get_username(proven), issuer_name=TOTP_ISSUER)


async def confirm_totp(parts: Parts, code: str, *, by: Author) -> None:
    """Turn the authenticator app on.

    Raises: NotAStaffAccount, TotpNotPrepared, TotpAlreadyOn, TriedTooOften, TotpIncorrect.
    """
    now = clock.real_now()
    async with parts.database.begin() as session:
        account = await _lock_own(session, by)
        if account.totp_confirmed_at is not None:
            raise rules.TotpAlreadyOn
        if account.totp_secret is None:
            raise rules.TotpNotPrepared
        refused = await try_totp(parts, session, account, code, now=now)
        if refused is None:
            account.totp_confirmed_at = now
            account.version += 1
            await accounts.record_change(session, account, ChangeKind.TOTP_SET, by=by, now=now)
    if refused is not None:
        raise refused


async def remove_totp(parts: Parts, removal: TotpRemoval, *, by: Author) -> None:
    """Turn the authenticator app off and end the sessions that relied on it.

    Raises: NotAStaffAccount, TriedTooOften, PasswordIncorrect, TotpNotPrepared, TotpIncorrect,
    SignInBusy.
    """
    now = clock.real_now()
    password = removal.current_password.get_secret_value()
    proven = await _prove_password(parts, by, password, now=now)
    async with parts.database.begin() as session:
        account = await _lock_proven(session, proven)
        if account.totp_secret is None:
            raise rules.TotpNotPrepared
        refused = await try_totp(parts, session, account, removal.code, now=now)
        if refused is None:
            _clear_totp(account)
            accounts.end_sessions(account)
            await accounts.record_change(session, account, ChangeKind.TOTP_REMOVED, by=by, now=now)
    if refused is not None:
        raise refused


async def try_totp(
    parts: Parts, session: AsyncSession, account: Account, code: str, *, now: datetime
) -> DomainError | None:
    """Count and verify an authenticator code; return the refusal, or None for a right code.

    It returns refusals instead of raising them, so that the count is committed. The caller holds
    the account's row lock.
    """
    tries = _list_tries(parts, account.id)
    blocked = await parts.throttles.hit(session, tries, now=now)
    if blocked is not None:
        return await _refuse(session, account, blocked, now=now)
    if not use_totp(account, code, now=now):
        log.warning("credential.failed", owner_id=str(account.id), reason="totp")
        return rules.TotpIncorrect(field="code")
    await parts.throttles.uncount(session, tries, now=now)
    return None


def use_totp(account: Account, code: str, *, now: datetime) -> bool:
    """Use a code up if it is right and was not used before; return whether it was.

    The caller holds the account's row lock.
    """
    assert account.totp_secret is not None
    totp = pyotp.TOTP(account.totp_secret, interval=TOTP_STEP_S)
    present = int(now.timestamp()) // TOTP_STEP_S
    for step in range(present - TOTP_SLACK_STEPS, present + TOTP_SLACK_STEPS + 1):
        if step <= (account.totp_last_step or 0):
            continue
        if pyotp.utils.strings_equal(totp.generate_otp(step), code):
            account.totp_last_step = step
            return True
    return False


async def _prove_password(parts: Parts, by: Author, password: str, *, now: datetime) -> Account:
    """Count an attempt and verify the password; return the account as it was.

    A right password removes the attempt from the count. A request that finds the queue full costs
    no transaction and is not counted. No transaction is open during hashing.
    """
    if by.account_id is None:
        raise rules.NotAStaffAccount
    tries = _list_tries(parts, by.account_id)
    with queue(make_requester(by.account_id)) as place:
        async with parts.database.begin() as session:
            account = await _lock_own(session, by)
            blocked = await parts.throttles.hit(session, tries, now=now)
            refused = await _refuse(session, account, blocked, now=now) if blocked else None
        if refused is not None:
            raise refused
        is_right = await place.verify(
            password, account.password_hash, cost=parts.settings.hash_cost
        )
    if not is_right:
        log.warning("credential.failed", owner_id=str(account.id), reason="password")
        raise rules.PasswordIncorrect(field="current_password")
    # In its own transaction, so that nothing later can undo it.
    async with parts.database.begin() as session:
        await parts.throttles.uncount(session, tries, now=now)
    return account


async def _lock_proven(session: AsyncSession, proven: Account) -> Account:
    """Return the account whose password was verified, its row locked."""
    account = await accounts.get_locked(session, account_id=proven.id)
    if account.password_hash != proven.password_hash:
        raise rules.PasswordIncorrect(field="current_password")
    return account


async def _find_own(session: AsyncSession, by: Author) -> Account:
    if by.account_id is None:
        raise rules.NotAStaffAccount
    account = await accounts.find(session, account_id=by.account_id)
    if account is None or account.kind != AccountKind.STAFF:
        raise rules.NotAStaffAccount
    return account


async def _lock_own(session: AsyncSession, by: Author) -> Account:
    account = await _find_own(session, by)
    return await accounts.get_locked(session, account_id=account.id)


async def _refuse(
    session: AsyncSession, account: Account, blocked: Blocked, *, now: datetime
) -> TriedTooOften:
    log.warning("credential.failed", owner_id=str(account.id), reason="throttled")
    if blocked.locks_account_out:
        await accounts.record_change(session, account, ChangeKind.LOCKED_OUT, by=LIMIT, now=now)
    return TriedTooOften(retry_after_s=blocked.wait_s)


def _list_tries(parts: Parts, account_id: uuid.UUID) -> list[Try]:
    return throttle_rules.list_credential_tries(parts.throttles.limits, account_id=str(account_id))


def _get_username(account: Account) -> str:
    if account.kind != AccountKind.STAFF or account.username is None:
        raise rules.NotAStaffAccount
    return account.username


def _clear_totp(account: Account) -> None:
    account.totp_secret = account.totp_confirmed_at = account.totp_last_step = None
