"""How often signing in may be tried, and whose tries count for whom.

A stranger must not be able to lock the owner of a number or a name out. So tries are counted for
the number or name from one address first; whoever is over that limit counts no further. The limit
of the number or name alone is much higher and only stops an attack from many addresses. A device
that has signed in with the number or name before has an allowance of its own, which nobody else
can use up: only the owner's app knows the device's id.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from perisai_kit.domain.errors import TooMany

DAY_S = 24 * 3600
COUNTS_KEPT = timedelta(days=2)
DEVICES_KEPT = timedelta(days=180)
"""Three times the life of a session that is bound to a device."""
REMEMBERED = timedelta(seconds=5)
"""How long a refusal may outlive the count that it came from."""
MOST_REMEMBERED = 100_000
"""About 30 MB; the one that was remembered first goes first."""


class TriedTooOften(TooMany):
    code = "sign_in_throttled"
    text = "Too many tries; wait before the next one."
    text_id = "Terlalu banyak percobaan; tunggu sebelum mencoba lagi."


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `times` in each window of `window_s` seconds for one subject of this kind.

    of_account: whoever is over it cannot sign in from anywhere but a known device.
    """

    kind: str
    times: int
    window_s: int
    of_account: bool = False


Try = tuple[Throttle, str]
"""What is counted, and for whom."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A try beyond a limit. is_first: the first one in its window."""

    throttle: Throttle
    wait_s: int
    is_first: bool

    @property
    def locks_account_out(self) -> bool:
        """Whether an account has just been locked out, and not only an address."""
        return self.throttle.of_account and self.is_first


@dataclass(frozen=True, slots=True)
class Limits:
    """How many in a window of `window_s` seconds; `_day`: in a day."""

    window_s: int
    sends_per_device: int
    sends_per_device_day: int
    sends_per_phone_and_address: int
    sends_per_phone_and_address_day: int
    sends_per_phone: int
    sends_per_phone_day: int
    sends_per_address: int
    codes_per_device: int
    codes_per_phone_and_address: int
    codes_per_phone: int
    passwords_per_device: int
    passwords_per_name_and_address: int
    passwords_per_name: int
    passwords_per_address: int
    credentials_per_account: int


def list_code_sends(
    limits: Limits, *, phone: str, device_id: str, address: str, is_known: bool
) -> list[Try]:
    """Return what sending a code counts for. is_known: the device has signed in to the number."""
    window_s, device, stranger = limits.window_s, f"{phone}#{device_id}", f"{phone}@{address}"
    if is_known:
        return [
            (Throttle("otp-device", limits.sends_per_device, window_s), device),
            (Throttle("otp-device-day", limits.sends_per_device_day, DAY_S), device),
        ]
    per_day = limits.sends_per_phone_and_address_day
    return [
        (Throttle("otp-address", limits.sends_per_address, window_s), address),
        (Throttle("otp-phone-address", limits.sends_per_phone_and_address, window_s), stranger),
        (Throttle("otp-phone-address-day", per_day, DAY_S), stranger),
        (Throttle("otp-phone", limits.sends_per_phone, window_s), phone),
        (Throttle("otp-phone-day", limits.sends_per_phone_day, DAY_S), phone),
    ]


def list_code_tries(
    limits: Limits, *, phone: str, device_id: str, address: str, is_known: bool
) -> list[Try]:
    """Return what a wrong code counts for, besides its own challenge."""
    window_s = limits.window_s
    if is_known:
        return [
            (Throttle("code-device", limits.codes_per_device, window_s), f"{phone}#{device_id}")
        ]
    per_address = Throttle("code-phone-address", limits.codes_per_phone_and_address, window_s)
    return [
        (per_address, f"{phone}@{address}"),
        (Throttle("code-phone", limits.codes_per_phone, window_s), phone),
    ]


def list_password_tries(
    limits: Limits, *, username: str, device_id: str | None, address: str, is_known: bool
) -> list[Try]:
    """Return what a wrong password counts for."""
    window_s = limits.window_s
    if is_known:
        own = Throttle("password-device", limits.passwords_per_device, window_s)
        return [(own, f"{username}#{device_id}")]
    per_address = Throttle("password-name-address", limits.passwords_per_name_and_address, window_s)
    per_name = Throttle("password-name", limits.passwords_per_name, window_s, of_account=True)
    return [
        (Throttle("password-address", limits.passwords_per_address, window_s), address),
        (per_address, f"{username}@{address}"),
        (per_name, username),
    ]


def list_credential_tries(limits: Limits, *, account_id: str) -> list[Try]:
    """Return what a wrong password or authenticator code of somebody known counts for.

    Only those count who have the account's password or a token of it: the authenticator code at
    a sign-in, and everything at `/v1/me`.
    """
    kept = Throttle("credentials", limits.credentials_per_account, limits.window_s, of_account=True)
    return [(kept, account_id)]


class Refusals:
    """What the database has just refused, so that the next try costs no transaction.

    The counts in the database decide; this is the memory of one process. Another one that gives
    tries back is heeded within `REMEMBERED`.
    """

    def __init__(self, *, most: int = MOST_REMEMBERED) -> None:
        self._until: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._most = most

    def find(self, tries: Sequence[Try], *, now: datetime) -> Blocked | None:
        """Return why one of these tries is refused without a question; None where none is."""
        for throttle, subject in tries:
            until = self._until.get((throttle.kind, subject))
            if until is not None and now < until:
                return Blocked(throttle, wait_s(now, throttle.window_s), is_first=False)
        return None

    def remember(self, refused: Try, *, now: datetime) -> None:
        """Remember for a moment, and never past its window, that a subject is over its limit."""
        throttle, subject = refused
        window_end = window_start(now, throttle.window_s) + timedelta(seconds=throttle.window_s)
        self._until.pop((throttle.kind, subject), None)
        self._until[throttle.kind, subject] = min(now + REMEMBERED, window_end)
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def forget(self, tries: Sequence[Try]) -> None:
        """Ask the database again about these subjects."""
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
    """Return why a try is refused; None where it is not. hits: with this try."""
    if hits <= throttle.times:
        return None
    return Blocked(throttle, wait_s(now, throttle.window_s), hits == throttle.times + 1)


def drop_address(tries: Sequence[Try]) -> list[Try]:
    """Return the counts that a proof of the number clears: those of the number itself."""
    return [each for each in tries if each[0].kind != "otp-address"]
