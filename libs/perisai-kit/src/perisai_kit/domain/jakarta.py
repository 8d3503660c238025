"""The civil time of the programme: Asia/Jakarta."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")
_EASTERNMOST = ZoneInfo("Asia/Jayapura")
"""Where in Indonesia a day begins first."""
CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead a telephone's clock may run before its dates are refused. Our own choice."""


def jakarta_date(instant: datetime) -> date:
    """Return the Jakarta calendar date of an aware instant."""
    return instant.astimezone(JAKARTA).date()


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in Jakarta, in UTC."""
    return datetime.combine(day, time(), JAKARTA).astimezone(UTC)


def find_latest_day(now: datetime) -> date:
    """Return the latest civil day anywhere in Indonesia: the last on which something happened."""
    return (now + CLOCK_SKEW).astimezone(_EASTERNMOST).date()
