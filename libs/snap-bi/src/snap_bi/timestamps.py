"""Parse and format X-TIMESTAMP and the date fields of bodies.

Signatures always cover the received text; parsing serves the clock check only.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from math import floor

from snap_bi.errors import TimestampInvalid

WIB = timezone(timedelta(hours=7), "WIB")

# Extended format, or the basic format of the standard's own samples (20201231T235959Z). Years are
# bounded so that every accepted instant can be stored and converted.
_ISO_8601 = re.compile(
    r"(?:19|20|21)[0-9]{2}"
    r"(?:-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9]{4}T[0-9]{6})"
    r"(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)


class TimestampFormat(StrEnum):
    """Format of timestamps: the standard has 25 characters, banks vary."""

    SECONDS = "seconds, +07:00"
    MILLISECONDS = "milliseconds, +07:00"
    UTC_SECONDS = "seconds, Z"
    UTC_MILLISECONDS = "milliseconds, Z"


def parse_timestamp(text: str) -> datetime:
    """Return the instant with its own UTC offset.

    Raises: TimestampInvalid when it is not ISO 8601 with date, time and offset.
    """
    if _ISO_8601.fullmatch(text) is None:
        raise TimestampInvalid("not ISO 8601 with an offset")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise TimestampInvalid("no such date or time") from error


def format_timestamp(at: datetime, form: TimestampFormat) -> str:
    """Return an aware instant as text; fractions are truncated, never rounded into the future."""
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    in_utc = form in (TimestampFormat.UTC_SECONDS, TimestampFormat.UTC_MILLISECONDS)
    in_ms = form in (TimestampFormat.MILLISECONDS, TimestampFormat.UTC_MILLISECONDS)
    if not in_ms:
        return _format_second(floor(at.timestamp()), in_utc=in_utc)
    text = at.astimezone(UTC if in_utc else WIB).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z") if in_utc else text


@lru_cache(maxsize=16)  # the answers of one second have the same text
def _format_second(at_s: int, *, in_utc: bool) -> str:
    text = datetime.fromtimestamp(at_s, UTC if in_utc else WIB).isoformat()
    return text.replace("+00:00", "Z") if in_utc else text


def is_within_skew(at: datetime, *, now: datetime, skew_s: int) -> bool:
    """Return whether `at` is at most `skew_s` seconds before or after `now`."""
    return abs(at - now) <= timedelta(seconds=skew_s)
