"""Limits on attempts to sign in.

An unknown device must not be able to lock out the owner of a number or a name. So attempts are
counted for the number or name from one address first, and counting stops at that limit. The limit
of the number or name alone is much higher and only stops attacks from many addresses. A device that
has signed in before has its own limit, which no other device can use up, because only the owner's
app knows the id of the device.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from perisai_kit.domain.errors import TooMany

DAY_S = 24 * 3600
COUNTS_KEPT = timedelta(days=2)
DEVICES_KEPT = timedelta(days=180)
"""Three times the life of a session of a device."""
REMEMBERED = timedelta(seconds=5)
"""How long a refusal may be cached after its count was reset."""
MOST_REMEMBERED = 100_000
"""About 30 MB; the oldest entry is dropped first."""


class TriedTooOften(TooMany):
    code = "sign_in_throttled"
    text = "Too many attempts. Wait before the next one."
    text_id = "Terlalu banyak percobaan. Tunggu sebentar sebelum mencoba lagi."


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `times` in each window of `window_s` seconds for one subject of this kind.

    of_account: beyond it only known devices can sign in.
    """

    kind: str
    times: int
    window_s: int
    of_account: bool = False


Try = tuple[Throttle, str]
"""A limit, and the subject that is counted against it."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An attempt beyond a limit. is_first: the first one in its window."""

    throttle: Throttle
    wait_s: int
    is_first: bool

    @property
    def locks_account_out(self) -> bool:
        """Whether this attempt locks out an account, and not only an address."""
        return self.throttle.of_account and self.is_first


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of these names: for a window of `throttle_window_s` seconds; `_day`: for a day."""

    throttle_window_s: int
    otp_sends_per_device: int
    otp_sends_per_device_day: int
    otp_sends_per_phone_and_address: int
    otp_sends_per_phone_and_address_day: int
    otp_sends_per_phone: int
    otp_sends_per_phone_day: int
    otp_sends_per_address: int
    otp_attempts_per_device: int
    otp_attempts_per_phone_and_address: int
    otp_attempts_per_phone: int
    password_attempts_per_device: int
    password_attempts_per_name_and_address: int
    password_attempts_per_name: int
    password_attempts_per_address: int
    credential_attempts_per_account: int
    confirmation_sends_per_phone: int
    confirmation_sends_per_phone_day: int
    confirmation_attempts_per_phone: int


def list_code_sends(
    limits: Limits, *, phone: str, device_id: str, address: str, is_known: bool
) -> list[Try]:
    """Return what sending a code counts as. is_known: the device has signed in with the number."""
    window_s = limits.throttle_window_s
    device, unknown = f"{phone}#{device_id}", f"{phone}@{address}"
    if is_known:
        return [
            (Throttle("otp-device", limits.otp_sends_per_device, window_s), device),
            (Throttle("otp-device-day", limits.otp_sends_per_device_day, DAY_S), device),
        ]
    per_day = limits.otp_sends_per_phone_and_address_day
    return [
        (Throttle("otp-address", limits.otp_sends_per_address, window_s), address),
        (Throttle("otp-phone-address", limits.otp_sends_per_phone_and_address, window_s), unknown),
        (Throttle("otp-phone-address-day", per_day, DAY_S), unknown),
        (Throttle("otp-phone", limits.otp_sends_per_phone, window_s), phone),
        (Throttle("otp-phone-day", limits.otp_sends_per_phone_day, DAY_S), phone),
    ]


def list_code_tries(
    limits: Limits, *, phone: str, device_id: str, address: str, is_known: bool
) -> list[Try]:
    """Return what a wrong code counts as, besides its own challenge."""
    window_s = limits.throttle_window_s
    if is_known:
        own = Throttle("code-device", limits.otp_attempts_per_device, window_s)
        return [(own, f"{phone}#{device_id}")]
    of_both = limits.otp_attempts_per_phone_and_address
    return [
        (Throttle("code-phone-address", of_both, window_s), f"{phone}@{address}"),
        (Throttle("code-phone", limits.otp_attempts_per_phone, window_s), phone),
    ]


def list_password_tries(
    limits: Limits, *, username: str, device_id: str | None, address: str, is_known: bool
) -> list[Try]:
    """Return what a wrong password counts as."""
    window_s = limits.throttle_window_s
    if is_known:
        own = Throttle("password-device", limits.password_attempts_per_device, window_s)
        return [(own, f"{username}#{device_id}")]
    of_both = limits.password_attempts_per_name_and_address
    of_name = limits.password_attempts_per_name
    return [
        (Throttle("password-address", limits.password_attempts_per_address, window_s), address),
        (Throttle("password-name-address", of_both, window_s), f"{username}@{address}"),
        (Throttle("password-name", of_name, window_s, of_account=True), username),
    ]


def list_credential_tries(limits: Limits, *, account_id: str) -> list[Try]:
    """Return what a wrong password or authenticator code of a known account counts as.

    This applies after a right password or with a token of the account: to the authenticator code at
    a sign-in, and to everything at `/v1/me`.
    """
    times, window_s = limits.credential_attempts_per_account, limits.throttle_window_s
    return [(Throttle("credentials", times, window_s, of_account=True), account_id)]


def list_confirmation_sends(limits: Limits, *, phone: str) -> list[Try]:
    """Return what sending a code that confirms a change counts as.

    It has counts of its own, so that proposing changes cannot lock a number out of sign-in.
    """
    per_window = limits.confirmation_sends_per_phone
    per_day = limits.confirmation_sends_per_phone_day
    return [
        (Throttle("confirmation", per_window, limits.throttle_window_s), phone),
        (Throttle("confirmation-day", per_day, DAY_S), phone),
    ]


def list_confirmation_tries(limits: Limits, *, phone: str) -> list[Try]:
    """Return what a wrong code that confirms a change counts as, besides its own code."""
    times, window_s = limits.confirmation_attempts_per_phone, limits.throttle_window_s
    return [(Throttle("confirmation-code", times, window_s), phone)]


class Refusals:
    """A cache of refusals, so that the next attempt costs no transaction.

    The counts in the database decide; this is the cache of one process. A reset by another process
    takes effect within `REMEMBERED`.
    """

    def __init__(self, *, most: int = MOST_REMEMBERED) -> None:
        self._until: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._most = most

    def find(self, tries: Sequence[Try], *, now: datetime) -> Blocked | None:
        """Return the cached refusal of one of these attempts, if any."""
        for throttle, subject in tries:
            until = self._until.get((throttle.kind, subject))
            if until is not None and now < until:
                return Blocked(throttle, wait_s(now, throttle.window_s), is_first=False)
        return None

    def remember(self, refused: Try, *, now: datetime) -> None:
        """Cache a refusal for a moment, but not beyond its window."""
        throttle, subject = refused
        window_end = window_start(now, throttle.window_s) + timedelta(seconds=throttle.window_s)
        self._until.pop((throttle.kind, subject), None)
        self._until[throttle.kind, subject] = min(now + REMEMBERED, window_end)
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def forget(self, tries: Sequence[Try]) -> None:
        """Drop the cached refusals of these subjects."""
        for throttle, subject in tries:
            self._until.pop((throttle.kind, subject), None)

    def __len__(self) -> int:
        return len(self._until)


def window_start(now: datetime, window_s: int) -> datetime:
    """Return the beginning of the window that `now` is in."""
    seconds = int(now.timestamp())
    return datetime.fromtimestamp(seconds - seconds % window_s, tz=now.tzinfo)


def wait_s(now: datetime, window_s: int) -> int:
    """Return the whole seconds until the next window, at least 1."""
    return max(1, window_s - int(now.timestamp()) % window_s)


def blocked(throttle: Throttle, hits: int, now: datetime) -> Blocked | None:
    """Return the refusal of an attempt, if any. hits: including this attempt."""
    if hits <= throttle.times:
        return None
    return Blocked(throttle, wait_s(now, throttle.window_s), hits == throttle.times + 1)


def drop_address(tries: Sequence[Try]) -> list[Try]:
    """Return the counts of the number itself, which a proof of the number clears."""
    return [each for each in tries if each[0].kind != "otp-address"]
