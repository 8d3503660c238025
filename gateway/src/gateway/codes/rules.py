"""One-time codes: how long they count, how often they may be tried, how often they are sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perisai_kit.errors import TooMany, Unauthenticated

CODE_DIGITS = 6
OUTBOX_KEPT = timedelta(hours=1)
THROTTLES_KEPT = timedelta(days=2)


class CodeWrong(Unauthenticated):
    """The same answer for a wrong, used, ended or never sent code."""

    code = "otp_invalid"
    text = "The code is not right or no longer valid; ask for a new one."
    text_id = "Kode salah atau sudah tidak berlaku; mintalah kode baru."


class TriedTooOften(TooMany):
    code = "sign_in_throttled"
    text = "Too many tries; wait before the next one."
    text_id = "Terlalu banyak percobaan; tunggu sebelum mencoba lagi."


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `times` in each window of `window_s` seconds for one subject of this kind."""

    kind: str
    times: int
    window_s: int


def window_start(now: datetime, window_s: int) -> datetime:
    """Return the beginning of the window that `now` is in."""
    seconds = int(now.timestamp())
    return datetime.fromtimestamp(seconds - seconds % window_s, tz=now.tzinfo)


def wait_s(now: datetime, window_s: int) -> int:
    """Return the whole seconds until the next window, at least 1."""
    return max(1, window_s - int(now.timestamp()) % window_s)


def is_usable(
    *,
    expires_at: datetime,
    consumed_at: datetime | None,
    attempts: int,
    max_attempts: int,
    now: datetime,
) -> bool:
    """Tell whether a code may still be tried."""
    return consumed_at is None and now < expires_at and attempts < max_attempts
