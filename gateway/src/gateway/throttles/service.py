"""Counts of attempts to sign in. They are in the database; subjects are keyed hashes.

`Parts.refusals` caches refusals. Every function here keeps it up to date.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.settings import Settings
from gateway.throttles import queries, rules
from gateway.throttles.rules import Blocked, Limits, Refusals, Throttle, Try
from perisai_kit.db.bulk import OldRows
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring


def read_limits(settings: Settings) -> Limits:
    """Return the limits of the settings."""
    return Limits(
        window_s=settings.throttle_window_s,
        sends_per_device=settings.otp_sends_per_device,
        sends_per_device_day=settings.otp_sends_per_device_day,
        sends_per_phone_and_address=settings.otp_sends_per_phone_and_address,
        sends_per_phone_and_address_day=settings.otp_sends_per_phone_and_address_day,
        sends_per_phone=settings.otp_sends_per_phone,
        sends_per_phone_day=settings.otp_sends_per_phone_day,
        sends_per_address=settings.otp_sends_per_address,
        codes_per_device=settings.otp_attempts_per_device,
        codes_per_phone_and_address=settings.otp_attempts_per_phone_and_address,
        codes_per_phone=settings.otp_attempts_per_phone,
        passwords_per_device=settings.password_attempts_per_device,
        passwords_per_name_and_address=settings.password_attempts_per_name_and_address,
        passwords_per_name=settings.password_attempts_per_name,
        passwords_per_address=settings.password_attempts_per_address,
        credentials_per_account=settings.credential_attempts_per_account,
        confirmations_per_phone=settings.confirmation_sends_per_phone,
        confirmations_per_phone_day=settings.confirmation_sends_per_phone_day,
        confirmation_codes_per_phone=settings.confirmation_attempts_per_phone,
    )


async def hit(
    session: AsyncSession,
    keyring: Keyring,
    tries: Sequence[Try],
    *,
    refusals: Refusals,
    now: datetime,
) -> Blocked | None:
    """Count one attempt for each subject in order; return the exceeded limit, if any.

    Counting stops at the first exceeded limit, so that a blocked address cannot use up the attempts
    of a number. It returns the limit instead of raising, so that the counts are committed.
    """
    for throttle, subject in tries:
        hits = await queries.count_hit(
            session,
            subject=_hash_subject(keyring, throttle, subject),
            window_at=rules.window_start(now, throttle.window_s),
        )
        blocked = rules.blocked(throttle, hits, now)
        if blocked is not None:
            refusals.remember((throttle, subject), now=now)
            return blocked
    return None


async def uncount(
    session: AsyncSession,
    keyring: Keyring,
    tries: Sequence[Try],
    *,
    refusals: Refusals,
    now: datetime,
) -> None:
    """Remove the attempt that `hit` counted at `now`, because it succeeded."""
    refusals.forget(tries)
    for throttle, subject in tries:
        await queries.uncount_hit(
            session,
            subject=_hash_subject(keyring, throttle, subject),
            window_at=rules.window_start(now, throttle.window_s),
        )


async def uncount_now(
    database: Database,
    keyring: Keyring,
    tries: Sequence[Try],
    *,
    refusals: Refusals,
    now: datetime,
) -> None:
    """Do `uncount` in its own transaction, so that nothing later can undo it."""
    async with database.begin() as session:
        await uncount(session, keyring, tries, refusals=refusals, now=now)


async def clear(
    session: AsyncSession, keyring: Keyring, tries: Sequence[Try], *, refusals: Refusals
) -> None:
    """Remove all attempts of these subjects."""
    refusals.forget(tries)
    for throttle, subject in tries:
        await queries.clear_hits(session, subject=_hash_subject(keyring, throttle, subject))


async def is_known_device(
    session: AsyncSession, keyring: Keyring, *, name: str, device_id: str | None, now: datetime
) -> bool:
    """Tell whether a device has signed in with this number or username before."""
    if device_id is None:
        return False
    subject = _hash_device(keyring, name, device_id)
    return await queries.is_known_device(session, subject=subject, since=now - rules.DEVICES_KEPT)


async def remember_device(
    session: AsyncSession, keyring: Keyring, *, name: str, device_id: str | None, now: datetime
) -> None:
    """Remember that a device has signed in with this number or username."""
    if device_id is not None:
        subject = _hash_device(keyring, name, device_id)
        await queries.save_known_device(session, subject=subject, at=now)


def find_old(*, now: datetime) -> list[OldRows]:
    """Return the old rows of counts and devices."""
    return [
        queries.get_old_counts(before=now - rules.COUNTS_KEPT),
        queries.get_old_devices(before=now - rules.DEVICES_KEPT),
    ]


def _hash_subject(keyring: Keyring, throttle: Throttle, subject: str) -> bytes:
    return keyring.lookup(f"throttle:{throttle.kind}", subject)


def _hash_device(keyring: Keyring, name: str, device_id: str) -> bytes:
    return keyring.lookup("known-device", f"{name}#{device_id}")
