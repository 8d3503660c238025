"""Sign-ins: a proof of a telephone number or a password; every attempt is counted first."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.accounts.models import Account
from gateway.changes.rules import LIMIT, ChangeKind
from gateway.credentials import rules as credential_rules
from gateway.credentials import service as credentials
from gateway.credentials.rules import TotpEnrolmentRequired, needs_second_factor
from gateway.otp import service as otp
from gateway.otp.models import OtpChallenge
from gateway.otp.rules import CodeWrong
from gateway.parts import Parts
from gateway.passwords import Requester, queue
from gateway.sign_ins import rules
from gateway.sign_ins.schemas import OtpGrant, PasswordGrant
from gateway.throttles import rules as throttle_rules
from gateway.throttles.rules import Blocked, TriedTooOften, Try
from gateway.tokens import issue_access_token
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.errors import DomainError
from perisai_kit.runtime.log import get_logger

log = get_logger()


async def prove_number(parts: Parts, grant: OtpGrant, *, address: str, now: datetime) -> None:
    """Count an attempt and verify the code; a right code removes the attempt from the count.

    Raises: TriedTooOften, CodeWrong.
    """
    is_known = await _is_known_device(parts, grant.phone, grant.device_id, now=now)
    tries = throttle_rules.list_code_tries(
        parts.throttles.limits,
        phone=grant.phone,
        device_id=grant.device_id,
        address=address,
        is_known=is_known,
    )
    _refuse_again(parts, tries, now=now)
    async with parts.database.begin() as session:
        blocked = await parts.throttles.hit(session, tries, now=now)
        challenge = None if blocked else await try_code(parts, session, grant, now)
        if challenge is not None:
            await parts.throttles.uncount(session, tries, now=now)
    if blocked is not None:
        raise _throttled(blocked, None)
    if challenge is None:
        log_failure("code", None)
        raise CodeWrong


async def try_code(
    parts: Parts, session: AsyncSession, grant: OtpGrant, now: datetime
) -> OtpChallenge | None:
    return await otp.try_code(
        parts,
        session,
        OtpChallenge,
        grant.code,
        phone=grant.phone,
        now=now,
        device_id=grant.device_id,
    )


async def prove_password(
    parts: Parts, grant: PasswordGrant, *, address: str, now: datetime
) -> Account:
    """Count an attempt and verify the password; return the account.

    A right password removes the attempt from the count; authenticator codes have their own count. A
    subject that has just been refused, or finds the queue full, costs no transaction and is not
    counted. No transaction is open during hashing.
    Raises: TriedTooOften, SignInBusy, SignInRefused.
    """
    username = grant.username.lower()
    is_known = await _is_known_device(parts, username, grant.device_id, now=now)
    tries = throttle_rules.list_password_tries(
        parts.throttles.limits,
        username=username,
        device_id=grant.device_id,
        address=address,
        is_known=is_known,
    )
    _refuse_again(parts, tries, now=now)
    name = f"{username}#{grant.device_id}" if is_known else address
    with queue(Requester(name, is_known=is_known)) as place:
        found = await _count_password(parts, username, tries, now=now)
        hashed = found.password_hash if found is not None else None
        is_right = await place.verify(
            grant.password.get_secret_value(), hashed, cost=parts.settings.hash_cost
        )
    if not is_right or found is None:
        log_failure("password", found)
        raise rules.SignInRefused
    # In its own transaction, so that nothing later can undo it.
    async with parts.database.begin() as session:
        await parts.throttles.uncount(session, tries, now=now)
    return found


async def lock_proven(session: AsyncSession, proven: Account) -> Account:
    """Return the account whose password was verified, its row locked.

    Raises: SignInRefused if the password has changed meanwhile, AccountLocked.
    """
    account = await accounts.get_locked(session, account_id=proven.id)
    if account.password_hash != proven.password_hash:
        raise rules.SignInRefused
    if account.locked_at is not None:
        log_failure("locked", account)
        raise rules.AccountLocked
    return account


async def remember_device(
    parts: Parts, session: AsyncSession, grant: PasswordGrant, *, now: datetime
) -> None:
    """Remember the device of a complete sign-in with a password."""
    await parts.throttles.remember_device(
        session, name=grant.username.lower(), device_id=grant.device_id, now=now
    )


async def prove_second_factor(
    parts: Parts, session: AsyncSession, account: Account, code: str | None, *, now: datetime
) -> list[str] | DomainError:
    """Return the `amr` of the sign-in, or the refusal; raising it would undo the counts."""
    if account.totp_confirmed_at is None:
        return ["pwd"]
    if code is None:
        return rules.TotpRequired()
    refused = await credentials.try_totp(parts, session, account, code, now=now)
    if refused is None:
        return ["pwd", "mfa"]
    log_failure("totp", account)
    return refused if isinstance(refused, TriedTooOften) else rules.SignInRefused()


def is_too_weak(parts: Parts, account: Account, amr: Sequence[str]) -> bool:
    return needs_second_factor(account.roles, amr, sandbox=parts.settings.sandbox)


async def make_enrolment_refusal(
    parts: Parts, account: Account, amr: Sequence[str], *, now: datetime
) -> TotpEnrolmentRequired:
    """Return the refusal, with a token without roles that is valid for /v1/me/totp only."""
    principal = Principal(
        account_id=account.id, roles=frozenset(), amr=(*amr, credential_rules.ENROLMENT)
    )
    return TotpEnrolmentRequired(
        enrolment_token=await issue_access_token(
            parts.keys, parts.settings, principal, now=now, valid_from=account.tokens_valid_from
        ),
        expires_in=parts.settings.access_token_s,
    )


def log_failure(reason: str, account: Account | None) -> None:
    log.warning(
        "sign_in.failed", reason=reason, owner_id=str(account.id) if account is not None else None
    )


async def _is_known_device(
    parts: Parts, name: str, device_id: str | None, *, now: datetime
) -> bool:
    if device_id is None:
        return False
    async with parts.database.read() as session:
        return await parts.throttles.is_known_device(
            session, name=name, device_id=device_id, now=now
        )


async def _count_password(
    parts: Parts, username: str, tries: Sequence[Try], *, now: datetime
) -> Account | None:
    """Count an attempt; return the account with this username, if any. Raises: TriedTooOften."""
    async with parts.database.begin() as session:
        blocked = await parts.throttles.hit(session, tries, now=now)
        found = await accounts.find_staff(session, username=username)
        if blocked is not None and blocked.locks_account_out and found is not None:
            await accounts.record_change(session, found, ChangeKind.LOCKED_OUT, by=LIMIT, now=now)
    if blocked is not None:
        raise _throttled(blocked, found)
    return found


def _refuse_again(parts: Parts, tries: Sequence[Try], *, now: datetime) -> None:
    blocked = parts.throttles.find_refusal(tries, now=now)
    if blocked is not None:
        raise _throttled(blocked, None)


def _throttled(blocked: Blocked, account: Account | None) -> TriedTooOften:
    log_failure("throttled", account)
    return TriedTooOften(retry_after_s=blocked.wait_s)
