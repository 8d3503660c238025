"""Counts of attempts to sign in. They are in the database; subjects are keyed hashes."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.settings import Settings
from gateway.throttles import queries, rules
from gateway.throttles.rules import Blocked, Limits, Refusals, Throttle, Try
from perisai_kit.db.bulk import OldRows
from perisai_kit.privacy.keyring import Keyring


class Throttles:
    """The counts of one gateway, its limits, and a cache of refusals that is kept up to date."""

    def __init__(self, keyring: Keyring, settings: Settings) -> None:
        self.limits = Limits(**{each.name: getattr(settings, each.name) for each in fields(Limits)})
        self._keyring = keyring
        self._refusals = Refusals()

    def find_refusal(self, tries: Sequence[Try], *, now: datetime) -> Blocked | None:
        """Return the cached refusal of one of these attempts, if any. It costs no transaction."""
        return self._refusals.find(tries, now=now)

    async def hit(
        self, session: AsyncSession, tries: Sequence[Try], *, now: datetime
    ) -> Blocked | None:
        """Count one attempt for each subject in order; return the exceeded limit, if any.

        Counting stops at the first exceeded limit, so that a blocked address cannot use up the
        attempts of a number. It returns the limit instead of raising, so that the counts are
        committed.
        """
        for throttle, subject in tries:
            hits = await queries.count_hit(
                session,
                subject=self._hash_subject(throttle, subject),
                window_at=rules.window_start(now, throttle.window_s),
            )
            blocked = rules.blocked(throttle, hits, now)
            if blocked is not None:
                self._refusals.remember((throttle, subject), now=now)
                return blocked
        return None

    async def uncount(self, session: AsyncSession, tries: Sequence[Try], *, now: datetime) -> None:
        """Remove the attempt that `hit` counted at `now`, because it succeeded."""
        self._refusals.forget(tries)
        for throttle, subject in tries:
            await queries.uncount_hit(
                session,
                subject=self._hash_subject(throttle, subject),
                window_at=rules.window_start(now, throttle.window_s),
            )

    async def clear(self, session: AsyncSession, tries: Sequence[Try]) -> None:
        """Remove all attempts of these subjects."""
        self._refusals.forget(tries)
        for throttle, subject in tries:
            await queries.clear_hits(session, subject=self._hash_subject(throttle, subject))

    async def is_known_device(
        self, session: AsyncSession, *, name: str, device_id: str | None, now: datetime
    ) -> bool:
        """Tell whether a device has signed in with this number or username before."""
        if device_id is None:
            return False
        subject, since = self._hash_device(name, device_id), now - rules.DEVICES_KEPT
        return await queries.is_known_device(session, subject=subject, since=since)

    async def remember_device(
        self, session: AsyncSession, *, name: str, device_id: str | None, now: datetime
    ) -> None:
        """Remember that a device has signed in with this number or username."""
        if device_id is not None:
            subject = self._hash_device(name, device_id)
            await queries.save_known_device(session, subject=subject, at=now)

    def _hash_subject(self, throttle: Throttle, subject: str) -> bytes:
        return self._keyring.lookup(f"throttle:{throttle.kind}", subject)

    def _hash_device(self, name: str, device_id: str) -> bytes:
        return self._keyring.lookup("known-device", f"{name}#{device_id}")


def find_old(*, now: datetime) -> list[OldRows]:
    """Return the old rows of counts and devices."""
    return [
        queries.get_old_counts(before=now - rules.COUNTS_KEPT),
        queries.get_old_devices(before=now - rules.DEVICES_KEPT),
    ]
