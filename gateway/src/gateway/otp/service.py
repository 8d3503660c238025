"""One-time codes: send, verify, consume."""

import hmac
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.otp_sender import CodePurpose
from gateway.otp import queries, rules
from gateway.otp.models import OtpChallenge, OtpOutboxEntry, SentCode
from gateway.otp.queries import Code
from gateway.parts import Parts
from gateway.throttles import rules as throttle_rules
from gateway.throttles.rules import Blocked, TriedTooOften, Try
from perisai_kit.db.bulk import OldRows
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger

OUTBOX_SHOWN = 10

log = get_logger()


async def request_code(
    parts: Parts, *, phone: str, device_id: str, address: str, language: str
) -> None:
    """Send a new code to any number; it replaces the previous code.

    A subject that has just been refused costs only the look-up of the device.
    Raises: TriedTooOften, CodeNotSent.
    """
    now = clock.real_now()
    async with parts.database.read() as session:
        sends = await _list_sends(
            parts, session, phone=phone, device_id=device_id, address=address, now=now
        )
    if again := parts.throttles.find_refusal(sends, now=now):
        raise _throttled(again)
    async with parts.database.begin() as session:
        blocked = await parts.throttles.hit(session, sends, now=now)
        if blocked is None:
            code = add_code(parts, session, OtpChallenge, phone=phone, now=now, device_id=device_id)
    if blocked is not None:
        raise _throttled(blocked)
    await parts.sender.send(phone=phone, code=code, language=language, purpose=CodePurpose.SIGN_IN)


def add_code(
    parts: Parts,
    session: AsyncSession,
    kind: type[SentCode],
    *,
    phone: str,
    now: datetime,
    **of: object,
) -> str:
    """Store a new code as a keyed hash and return it. of: the other columns of its kind."""
    code = f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}d}"
    code_id = new_id()
    session.add(
        kind(
            id=code_id,
            phone_hash=parts.keyring.lookup("phone", phone),
            code_hash=_hash_code(parts.keyring, kind, code_id, code),
            created_at=now,
            expires_at=now + timedelta(seconds=parts.settings.otp_s),
            **of,
        )
    )
    return code


async def try_code(
    parts: Parts,
    session: AsyncSession,
    kind: type[Code],
    code: str,
    *,
    phone: str,
    is_refused: bool = False,
    now: datetime,
    **of: object,
) -> Code | None:
    """Return the sent code if it is this one, its row locked; a wrong code is counted.

    is_refused: the attempt is beyond a limit and counts as wrong. of: the other columns of its
    kind. It returns None instead of raising, so that the count is committed.
    """
    sent = await queries.lock_newest(
        session, kind, phone_hash=parts.keyring.lookup("phone", phone), **of
    )
    if sent is None or not rules.is_usable(
        expires_at=sent.expires_at,
        consumed_at=sent.consumed_at,
        attempts=sent.attempts,
        max_attempts=parts.settings.otp_attempts,
        now=now,
    ):
        return None
    hashed = _hash_code(parts.keyring, kind, sent.id, code)
    if not is_refused and hmac.compare_digest(sent.code_hash, hashed):
        return sent
    sent.attempts += 1
    await session.flush()
    return None


async def consume(
    parts: Parts,
    session: AsyncSession,
    challenge: OtpChallenge,
    *,
    phone: str,
    address: str,
    now: datetime,
) -> None:
    """Use a code up and remember the device. A proven number is removed from the counts."""
    challenge.consumed_at = now
    device_id, throttles = challenge.device_id, parts.throttles
    sends = await _list_sends(
        parts, session, phone=phone, device_id=device_id, address=address, now=now
    )
    of_number = throttle_rules.drop_address(sends)
    of_address = [each for each in sends if each not in of_number]
    # In the order of `request_code`, because different orders of locks would deadlock.
    at = challenge.created_at
    await throttles.uncount(session, of_address, now=at)
    await throttles.clear(session, of_number)
    await throttles.remember_device(session, name=phone, device_id=device_id, now=now)
    await session.flush()


async def _list_sends(
    parts: Parts,
    session: AsyncSession,
    *,
    phone: str,
    device_id: str,
    address: str,
    now: datetime,
) -> Sequence[Try]:
    """Return the attempts that sending a code to this number counts as."""
    is_known = await parts.throttles.is_known_device(
        session, name=phone, device_id=device_id, now=now
    )
    return throttle_rules.list_code_sends(
        parts.throttles.limits,
        phone=phone,
        device_id=device_id,
        address=address,
        is_known=is_known,
    )


class Outbox:
    """The sender of a sandbox: it stores codes in a table."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def send(self, *, phone: str, code: str, language: str, purpose: CodePurpose) -> None:
        """Store the code."""
        async with self._database.begin() as session:
            session.add(
                OtpOutboxEntry(
                    id=new_id(),
                    phone_hash=self._keyring.lookup("phone", phone),
                    code=code,
                    purpose=purpose,
                    created_at=clock.real_now(),
                )
            )


async def read_outbox(
    session: AsyncSession, keyring: Keyring, *, phone: str
) -> Sequence[OtpOutboxEntry]:
    """Return the last codes of a number, newest first."""
    return await queries.list_outbox(
        session, phone_hash=keyring.lookup("phone", phone), limit=OUTBOX_SHOWN
    )


def find_old(*, now: datetime) -> list[OldRows]:
    """Return the old rows of codes and of the outbox."""
    return [
        find_old_codes(OtpChallenge, now=now),
        queries.get_old_outbox(before=now - rules.CODES_KEPT),
    ]


def find_old_codes(kind: type[SentCode], *, now: datetime) -> OldRows:
    """Return the old rows of one kind of code."""
    return queries.get_old_codes(kind, ended_before=now - rules.CODES_KEPT)


def _throttled(blocked: Blocked) -> TriedTooOften:
    log.warning("otp.refused", limit=blocked.throttle.kind)
    return TriedTooOften(retry_after_s=blocked.wait_s)


def _hash_code(keyring: Keyring, kind: type[SentCode], code_id: uuid.UUID, code: str) -> bytes:
    return keyring.lookup(kind.lookup_kind, f"{code_id}:{code}")
