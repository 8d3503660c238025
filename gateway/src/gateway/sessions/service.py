"""Signing in, staying signed in, signing out."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.accounts.models import Account
from gateway.clients.members import find_people_with_phone
from gateway.otp import service as otp
from gateway.otp.rules import CodeWrong
from gateway.parts import Parts
from gateway.people import service as people
from gateway.sessions import queries, rules
from gateway.sessions.models import SignInSession
from gateway.sessions.rules import EndReason, RefreshToken, Verdict
from gateway.sessions.schemas import AccountChoiceOut, OfferedAccount, TokenOut
from gateway.sign_ins import service as sign_ins
from gateway.sign_ins.rules import AccountLocked, AccountNotOffered
from gateway.sign_ins.schemas import ClientGrant, OtpGrant, PasswordGrant, RefreshGrant
from gateway.tokens import issue_access_token, make_service_principal
from perisai_kit.db.bulk import OldRows
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger

SESSIONS_SHOWN = 100
SESSIONS_KEPT = timedelta(days=1)

log = get_logger()


async def sign_in_by_code(
    parts: Parts, grant: OtpGrant, *, address: str
) -> TokenOut | AccountChoiceOut:
    """Sign in with a code, or list the accounts if several share the number.

    Only a sign-in uses the code up.
    Raises: TriedTooOften, CodeWrong, AccountLocked, AccountNotOffered.
    """
    now = clock.real_now()
    await sign_ins.prove_number(parts, grant, address=address, now=now)
    async with parts.database.read() as session:
        known = await people.list_members_signed_in(session, parts.keyring, phone=grant.phone)
    members = await find_people_with_phone(parts.members, grant.phone, known=known)
    found = None
    if members is not None:
        found = [people.Person(each.member_id, each.display_name_masked) for each in members]
    async with parts.database.begin() as session:
        challenge = await sign_ins.try_code(parts, session, grant, now)
        if challenge is None:
            raise CodeWrong
        offered = await people.find_accounts(
            session, parts.keyring, phone=grant.phone, people=found, now=now
        )
        account = _choose(offered, grant.account_id)
        if account is None:
            return AccountChoiceOut(accounts=[_offer(each) for each in offered])
        if account.locked_at is not None:
            sign_ins.log_failure("locked", account)
            raise AccountLocked
        await otp.consume(parts, session, challenge, phone=grant.phone, address=address, now=now)
        account.first_signed_in_at = account.first_signed_in_at or now
        row, token = _begin(parts, account, amr=["otp"], device_id=grant.device_id)
        session.add(row)
    return await _answer(parts, account, row, token, now)


async def sign_in_by_password(parts: Parts, grant: PasswordGrant, *, address: str) -> TokenOut:
    """Sign in staff.

    Raises: TriedTooOften, SignInBusy, SignInRefused, TotpRequired, TotpEnrolmentRequired,
    AccountLocked.
    """
    now = clock.real_now()
    proven = await sign_ins.prove_password(parts, grant, address=address, now=now)
    async with parts.database.begin() as session:
        account = await sign_ins.lock_proven(session, proven)
        amr = await sign_ins.prove_second_factor(parts, session, account, grant.totp, now=now)
        is_too_weak = isinstance(amr, list) and sign_ins.is_too_weak(parts, account, amr)
        if isinstance(amr, list) and not is_too_weak:
            account.first_signed_in_at = account.first_signed_in_at or now
            await sign_ins.remember_device(parts, session, grant, now=now)
            row, token = _begin(parts, account, amr=amr, device_id=grant.device_id)
            session.add(row)
    if isinstance(amr, DomainError):
        raise amr
    if is_too_weak:
        raise await sign_ins.make_enrolment_refusal(parts, account, amr, now=now)
    return await _answer(parts, account, row, token, now)


async def refresh(parts: Parts, grant: RefreshGrant) -> TokenOut:
    """Exchange a refresh token. Raises: RefreshRefused, RefreshReused."""
    now = clock.real_now()
    token = read_token(parts.keyring, grant.refresh_token.get_secret_value())
    if token is None:
        raise rules.RefreshRefused
    async with parts.database.begin() as session:
        row = await queries.lock_session(session, token.session_id)
        account = None if row is None else await accounts.find(session, account_id=row.account_id)
        if row is None or account is None or _is_over(row, account, now):
            raise rules.RefreshRefused
        verdict = _judge(row, token, device_id=grant.device_id, now=now)
        _carry_out(verdict, row, token, parts.keyring, now=now)
    match verdict:
        case Verdict.REUSED | Verdict.OTHER_DEVICE:
            log.warning("session.ended", session_id=str(row.id), reason=verdict)
            raise rules.RefreshReused
        case Verdict.DEVICE_MISSING:
            raise rules.RefreshRefused("The session is bound to a device; send its device_id.")
        case Verdict.ROTATE | Verdict.REPEAT:
            successor = _derive_successor(parts.keyring, token, row.salt)
            return await _answer(parts, account, row, successor, now)


async def issue_service_token(parts: Parts, grant: ClientGrant) -> TokenOut:
    """Give a service its token. Raises: ClientRefused."""
    now = clock.real_now()
    known = parts.settings.service_clients.get(grant.client_id)
    # For an unknown client a random secret is compared, so that the time is the same.
    expected = known.get_secret_value() if known is not None else secrets.token_hex(16)
    if not hmac.compare_digest(
        hashlib.sha256(expected.encode()).digest(),
        hashlib.sha256(grant.client_secret.get_secret_value().encode()).digest(),
    ):
        raise rules.ClientRefused
    principal = make_service_principal(grant.client_id)
    return TokenOut(
        access_token=await issue_access_token(parts.keys, parts.settings, principal, now=now),
        expires_in=parts.settings.access_token_s,
        account_id=principal.account_id,
    )


async def revoke(session: AsyncSession, keyring: Keyring, *, text: str) -> None:
    """End the session of any of its refresh tokens; an unknown token does nothing."""
    token = read_token(keyring, text)
    row = None if token is None else await queries.lock_session(session, token.session_id)
    if row is not None:
        _end(row, EndReason.REVOKED, clock.real_now())
        await session.flush()


async def list_own(session: AsyncSession, *, account_id: uuid.UUID) -> Sequence[SignInSession]:
    """Return an account's living sessions, newest first."""
    now = clock.real_now()
    account = await accounts.find(session, account_id=account_id)
    living = await queries.list_living(
        session, account_id=account_id, now=now, limit=SESSIONS_SHOWN
    )
    return [row for row in living if account is not None and not _is_over(row, account, now)]


async def revoke_own(
    session: AsyncSession, *, session_id: uuid.UUID, account_id: uuid.UUID
) -> None:
    """End one of an account's sessions.

    Raises: SessionNotFound.
    """
    row = await queries.lock_session(session, session_id)
    if row is None or row.account_id != account_id:
        raise rules.SessionNotFound
    _end(row, EndReason.REVOKED, clock.real_now())
    await session.flush()


async def list_ended(session: AsyncSession, *, since: datetime) -> list[tuple[uuid.UUID, datetime]]:
    """Return the sessions that were ended from `since` on."""
    return await queries.list_ended(session, since=since)


def find_old(*, now: datetime) -> list[OldRows]:
    """Return the rows of sessions that expired long ago."""
    return [queries.get_old_sessions(expired_before=now - SESSIONS_KEPT)]


def read_token(keyring: Keyring, text: str) -> RefreshToken | None:
    """Return a genuine refresh token, or None, without a query."""
    decoded = rules.decode(text)
    if decoded is None:
        return None
    token, tag = decoded
    return token if rules.is_genuine(tag, _compute_tag(keyring, token)) else None


def _choose(offered: Sequence[Account], account_id: uuid.UUID | None) -> Account | None:
    if account_id is None:
        return offered[0] if len(offered) == 1 else None
    for account in offered:
        if account.id == account_id:
            return account
    raise AccountNotOffered(field="account_id")


def _offer(account: Account) -> OfferedAccount:
    return OfferedAccount(
        account_id=account.id,
        label=account.display_label,
        is_member=account.member_id is not None,
        is_agent=account.agent_id is not None,
    )


def _begin(
    parts: Parts, account: Account, *, amr: list[str], device_id: str | None
) -> tuple[SignInSession, RefreshToken]:
    """Return a new session and its first token.

    The caller holds the account's row lock. The clock is read under it, so that a change that ends
    sessions ends exactly those begun before it.
    """
    settings, now = parts.settings, clock.real_now()
    life_s = settings.device_session_s if device_id else settings.staff_session_s
    token = RefreshToken(new_id(), 0, secrets.token_bytes(rules.SECRET_BYTES))
    row = SignInSession(
        id=token.session_id,
        account_id=account.id,
        device_id=device_id,
        amr=amr,
        generation=0,
        token_hash=_hash(token),
        salt=secrets.token_bytes(rules.SALT_BYTES),
        created_at=now,
        expires_at=now + timedelta(seconds=life_s),
    )
    return row, token


def _is_over(row: SignInSession, account: Account, now: datetime) -> bool:
    return rules.is_over(
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        valid_from=account.sessions_valid_from,
        now=now,
    )


def _judge(
    row: SignInSession, token: RefreshToken, *, device_id: str | None, now: datetime
) -> Verdict:
    family = rules.Family(row.token_hash, row.previous_hash, row.rotated_at, row.device_id)
    return rules.judge(family, token_hash=_hash(token), device_id=device_id, now=now)


def _carry_out(
    verdict: Verdict, row: SignInSession, token: RefreshToken, keyring: Keyring, *, now: datetime
) -> None:
    match verdict:
        case Verdict.ROTATE:
            row.salt = secrets.token_bytes(rules.SALT_BYTES)
            successor = _derive_successor(keyring, token, row.salt)
            row.previous_hash, row.token_hash = row.token_hash, _hash(successor)
            row.generation, row.rotated_at = successor.generation, now
        case Verdict.REUSED:
            _end(row, EndReason.REUSED, now)
        case Verdict.OTHER_DEVICE:
            _end(row, EndReason.OTHER_DEVICE, now)
        case Verdict.REPEAT | Verdict.DEVICE_MISSING:
            pass


def _end(row: SignInSession, reason: EndReason, now: datetime) -> None:
    if row.ended_at is None:
        row.ended_at, row.end_reason = now, reason


async def _answer(
    parts: Parts, account: Account, row: SignInSession, token: RefreshToken, now: datetime
) -> TokenOut:
    if sign_ins.is_too_weak(parts, account, row.amr):
        # The session began before the account got the role, or before the rule existed.
        raise rules.RefreshRefused
    principal = accounts.read_claims(
        account, amr=row.amr, device_id=row.device_id, session_id=row.id
    )
    ends_at = midnight(account.moves_on) if account.moves_on else None
    life_s = rules.find_token_life(
        parts.settings.access_token_s, wadah_ends_at=ends_at, now=clock.now()
    )
    return TokenOut(
        access_token=await issue_access_token(
            parts.keys,
            parts.settings,
            principal,
            now=now,
            valid_from=account.tokens_valid_from,
            life_s=life_s,
        ),
        expires_in=life_s,
        refresh_token=rules.encode(token, _compute_tag(parts.keyring, token)),
        refresh_expires_at=row.expires_at,
        account_id=account.id,
    )


def _hash(token: RefreshToken) -> bytes:
    return hashlib.sha256(token.body).digest()


def _compute_tag(keyring: Keyring, token: RefreshToken) -> bytes:
    return keyring.lookup("refresh-tag", token.body.hex())


def _derive_successor(keyring: Keyring, token: RefreshToken, salt: bytes) -> RefreshToken:
    # Derived, not stored: the previous token gives the same successor again, and the table alone
    # gives no token.
    secret = keyring.lookup("refresh-next", f"{token.body.hex()}:{salt.hex()}")
    return RefreshToken(token.session_id, token.generation + 1, secret)
