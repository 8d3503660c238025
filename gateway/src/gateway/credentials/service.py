"""What staff prove themselves with: a password, and optionally an authenticator app."""

import uuid
from datetime import datetime

import pyotp
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind
from gateway.credentials import rules
from gateway.credentials.schemas import PasswordChange, PasswordReset
from gateway.passwords import hash_password, verify_password

TOTP_ISSUER = "Perisai"
TOTP_STEP_S = 30
TOTP_SLACK_STEPS = 1
"""Source: RFC 6238 5.2 recommends steps of 30 s and at most one step for delay."""


async def reset_password(
    session: AsyncSession, reset: PasswordReset, *, account_id: uuid.UUID, now: datetime
) -> None:
    """Give a staff account another password and end its sessions.

    Raises: AccountNotFound, NotAStaffAccount.
    """
    hashed = await hash_password(reset.password.get_secret_value())
    account = await accounts.get_locked(session, account_id=account_id)
    _check_staff(account)
    if reset.remove_totp:
        account.totp_secret = account.totp_confirmed_at = account.totp_last_step = None
    _set_password(account, hashed, now)
    await session.flush()


async def change_password(
    session: AsyncSession, change: PasswordChange, *, account_id: uuid.UUID, now: datetime
) -> None:
    """Change one's own password and end one's sessions.

    Raises: NotAStaffAccount, PasswordIncorrect.
    """
    account = await accounts.get_locked(session, account_id=account_id)
    _check_staff(account)
    if not await verify_password(change.current_password.get_secret_value(), account.password_hash):
        raise rules.PasswordIncorrect(field="current_password")
    _set_password(account, await hash_password(change.new_password.get_secret_value()), now)
    await session.flush()


async def prepare_totp(session: AsyncSession, *, account_id: uuid.UUID) -> tuple[str, str]:
    """Return a new secret and its otpauth address; it counts once a code has confirmed it.

    Raises: NotAStaffAccount, TotpAlreadyOn.
    """
    account = await accounts.get_locked(session, account_id=account_id)
    _check_staff(account)
    if account.totp_confirmed_at is not None:
        raise rules.TotpAlreadyOn
    secret = pyotp.random_base32()
    account.totp_secret = secret
    await session.flush()
    totp = pyotp.TOTP(secret)
    return secret, totp.provisioning_uri(name=account.username, issuer_name=TOTP_ISSUER)


async def confirm_totp(
    session: AsyncSession, *, account_id: uuid.UUID, code: str, now: datetime
) -> None:
    """Turn the authenticator app on. Raises: TotpNotPrepared, TotpAlreadyOn, TotpIncorrect."""
    account = await accounts.get_locked(session, account_id=account_id)
    if account.totp_confirmed_at is not None:
        raise rules.TotpAlreadyOn
    if account.totp_secret is None:
        raise rules.TotpNotPrepared
    if not spend_totp(account, code, now=now):
        raise rules.TotpIncorrect(field="code")
    account.totp_confirmed_at = now
    account.version += 1
    await session.flush()


async def remove_totp(
    session: AsyncSession, *, account_id: uuid.UUID, code: str, now: datetime
) -> None:
    """Turn the authenticator app off. Raises: TotpNotPrepared, TotpIncorrect."""
    account = await accounts.get_locked(session, account_id=account_id)
    if account.totp_secret is None:
        raise rules.TotpNotPrepared
    if not spend_totp(account, code, now=now):
        raise rules.TotpIncorrect(field="code")
    account.totp_secret = account.totp_confirmed_at = account.totp_last_step = None
    account.version += 1
    await session.flush()


def spend_totp(account: Account, code: str, *, now: datetime) -> bool:
    """Tell whether a code is right and was not used before; a right one is used from now on.

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


def _check_staff(account: Account) -> None:
    if account.kind != AccountKind.STAFF:
        raise rules.NotAStaffAccount


def _set_password(account: Account, hashed: str, now: datetime) -> None:
    account.password_hash = hashed
    account.sessions_valid_from = now
    accounts.end_tokens(account, now)
