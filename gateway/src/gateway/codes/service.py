"""One-time codes for telephones: sent, tried, counted. Every count is in the database."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.otp_sender import OtpSender
from gateway.codes import queries, rules
from gateway.codes.models import OtpChallenge, OtpOutboxEntry
from gateway.codes.rules import Throttle
from gateway.settings import Settings
from perisai_kit import clock
from perisai_kit.db import Database
from perisai_kit.ids import new_id
from perisai_kit.pii import Keyring

DAY_S = 24 * 3600
OUTBOX_SHOWN = 10


async def request_code(
    database: Database,
    keyring: Keyring,
    settings: Settings,
    sender: OtpSender,
    *,
    phone: str,
    device_id: str,
    address: str,
    language: str,
) -> None:
    """Send a new code to a number, whoever has it; the one before counts no more.

    Raises: TriedTooOften, CodeNotSent.
    """
    now = clock.real_now()
    code = f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}d}"
    async with database.begin() as session:
        blocked_s = await hit(
            session, keyring, _sends(settings, phone=phone, address=address), now=now
        )
        if blocked_s is None:
            challenge_id = new_id()
            session.add(
                OtpChallenge(
                    id=challenge_id,
                    phone_hash=keyring.lookup("phone", phone),
                    device_id=device_id,
                    code_hash=_code_hash(keyring, str(challenge_id), code),
                    created_at=now,
                    expires_at=now + timedelta(seconds=settings.otp_s),
                )
            )
    if blocked_s is not None:
        raise rules.TriedTooOften(retry_after_s=blocked_s)
    await sender.send(phone=phone, code=code, language=language)


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
    """Return the challenge this code answers, its row locked; a wrong code is counted.

    It raises nothing, so that the count is committed.
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
    if hmac.compare_digest(challenge.code_hash, _code_hash(keyring, str(challenge.id), code)):
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
    phone: str,
    address: str,
    now: datetime,
) -> None:
    """Use a code up. Whoever proved the number has not been guessing: his counts go back."""
    challenge.consumed_at = now
    for throttle, subject in _sends(settings, phone=phone, address=address):
        name = _subject(keyring, throttle, subject)
        if throttle.kind == "otp-address":
            window_at = rules.window_start(challenge.created_at, throttle.window_s)
            await queries.take_back_hit(session, subject=name, window_at=window_at)
        else:
            await queries.clear_hits(session, subject=name)
    await session.flush()


async def hit(
    session: AsyncSession,
    keyring: Keyring,
    throttles: Sequence[tuple[Throttle, str]],
    *,
    now: datetime,
) -> int | None:
    """Count one try of each subject in turn; return the seconds to wait where one is over.

    The first that is over ends the counting, so that a blocked address cannot use up the tries
    of a number. It raises nothing, so that the counts are committed.
    """
    for throttle, subject in throttles:
        hits = await queries.count_hit(
            session,
            subject=_subject(keyring, throttle, subject),
            window_at=rules.window_start(now, throttle.window_s),
        )
        if hits > throttle.times:
            return rules.wait_s(now, throttle.window_s)
    return None


async def take_back(
    session: AsyncSession,
    keyring: Keyring,
    throttles: Sequence[tuple[Throttle, str]],
    *,
    now: datetime,
) -> None:
    """Forget the try that `hit` counted at `now`: it was a good one."""
    for throttle, subject in throttles:
        await queries.take_back_hit(
            session,
            subject=_subject(keyring, throttle, subject),
            window_at=rules.window_start(now, throttle.window_s),
        )


class Outbox:
    """The sandbox's sender: codes wait in a table to be read."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def send(self, *, phone: str, code: str, language: str) -> None:
        """Keep the code."""
        async with self._database.begin() as session:
            session.add(
                OtpOutboxEntry(
                    id=new_id(),
                    phone_hash=self._keyring.lookup("phone", phone),
                    code=code,
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


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Delete codes, outbox entries and counts that nobody needs; bounded a run."""
    await queries.forget_challenges(session, ended_before=now - rules.OUTBOX_KEPT)
    await queries.forget_outbox(session, before=now - rules.OUTBOX_KEPT)
    await queries.forget_throttles(session, before=now - rules.THROTTLES_KEPT)


def _sends(settings: Settings, *, phone: str, address: str) -> list[tuple[Throttle, str]]:
    window_s = settings.throttle_window_s
    return [
        (Throttle("otp-address", settings.otp_sends_per_address, window_s), address),
        (Throttle("otp-phone", settings.otp_sends_per_phone, window_s), phone),
        (Throttle("otp-phone-day", settings.otp_sends_per_phone_day, DAY_S), phone),
    ]


def _subject(keyring: Keyring, throttle: Throttle, subject: str) -> bytes:
    return keyring.lookup(f"throttle:{throttle.kind}", subject)


def _code_hash(keyring: Keyring, challenge_id: str, code: str) -> bytes:
    return keyring.lookup("otp", f"{challenge_id}:{code}")
