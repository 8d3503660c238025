"""One-time codes: send, verify, consume."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.otp_sender import CodePurpose, OtpSender
from gateway.otp import queries, rules
from gateway.otp.models import OtpChallenge, OtpOutboxEntry
from gateway.settings import Settings
from gateway.throttles import rules as throttle_rules
from gateway.throttles import service as throttles
from gateway.throttles.rules import Blocked, Refusals, TriedTooOften, Try
from perisai_kit.db.bulk import OldRows
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger

OUTBOX_SHOWN = 10

log = get_logger()


async def request_code(
    database: Database,
    keyring: Keyring,
    settings: Settings,
    sender: OtpSender,
    *,
    refusals: Refusals,
    phone: str,
    device_id: str,
    address: str,
    language: str,
) -> None:
    """Send a new code to any number; it replaces the previous code.

    A subject that has just been refused costs only the look-up of the device.
    Raises: TriedTooOften, CodeNotSent.
    """
    now = clock.real_now()
    code = f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}d}"
    async with database.read() as session:
        sends = await _list_sends(
            session, keyring, settings, phone=phone, device_id=device_id, address=address, now=now
        )
    if again := refusals.find(sends, now=now):
        raise _throttled(again)
    async with database.begin() as session:
        blocked = await throttles.hit(session, keyring, sends, refusals=refusals, now=now)
        if blocked is None:
            challenge_id = new_id()
            session.add(
                OtpChallenge(
                    id=challenge_id,
                    phone_hash=keyring.lookup("phone", phone),
                    device_id=device_id,
                    code_hash=_hash_code(keyring, str(challenge_id), code),
                    created_at=now,
                    expires_at=now + timedelta(seconds=settings.otp_s),
                )
            )
    if blocked is not None:
        raise _throttled(blocked)
    await sender.send(phone=phone, code=code, language=language, purpose=CodePurpose.SIGN_IN)


async def try_code(
    session: AsyncSession,
    keyring: Keyring,
    settings: Settings,
    *,
    phone: str,
    device_id: str,
    code: str,
    now: datetime,
) -> OtpChallenge | None:
    """Return the challenge with this code, its row locked; a wrong code is counted.

    It returns None instead of raising, so that the count is committed.
    """
    challenge = await queries.lock_newest_challenge(
        session, phone_hash=keyring.lookup("phone", phone), device_id=device_id
    )
    if challenge is None or not rules.is_usable(
        expires_at=challenge.expires_at,
        consumed_at=challenge.consumed_at,
        attempts=challenge.attempts,
        max_attempts=settings.otp_attempts,
        now=now,
    ):
        return None
    if hmac.compare_digest(challenge.code_hash, _hash_code(keyring, str(challenge.id), code)):
        return challenge
    challenge.attempts += 1
    await session.flush()
    return None


async def consume(
    session: AsyncSession,
    keyring: Keyring,
    settings: Settings,
    challenge: OtpChallenge,
    *,
    refusals: Refusals,
    phone: str,
    address: str,
    now: datetime,
) -> None:
    """Use a code up and remember the device. A proven number is removed from the counts."""
    challenge.consumed_at = now
    device_id = challenge.device_id
    sends = await _list_sends(
        session, keyring, settings, phone=phone, device_id=device_id, address=address, now=now
    )
    of_number = throttle_rules.drop_address(sends)
    of_address = [each for each in sends if each not in of_number]
    # In the order of `request_code`, because different orders of locks would deadlock.
    at = challenge.created_at
    await throttles.uncount(session, keyring, of_address, refusals=refusals, now=at)
    await throttles.clear(session, keyring, of_number, refusals=refusals)
    await throttles.remember_device(session, keyring, name=phone, device_id=device_id, now=now)
    await session.flush()


async def _list_sends(
    session: AsyncSession,
    keyring: Keyring,
    settings: Settings,
    *,
    phone: str,
    device_id: str,
    address: str,
    now: datetime,
) -> Sequence[Try]:
    """Return the attempts that sending a code to this number counts as."""
    is_known = await throttles.is_known_device(
        session, keyring, name=phone, device_id=device_id, now=now
    )
    return throttle_rules.list_code_sends(
        throttles.read_limits(settings),
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
        queries.get_old_challenges(ended_before=now - rules.OUTBOX_KEPT),
        queries.get_old_outbox(before=now - rules.OUTBOX_KEPT),
    ]


def _throttled(blocked: Blocked) -> TriedTooOften:
    log.warning("otp.refused", limit=blocked.throttle.kind)
    return TriedTooOften(retry_after_s=blocked.wait_s)


def _hash_code(keyring: Keyring, challenge_id: str, code: str) -> bytes:
    return keyring.lookup("otp", f"{challenge_id}:{code}")
