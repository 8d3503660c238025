"""The civil time of the programme: Asia/Jakarta."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")


def jakarta_date(instant: datetime) -> date:
    """Return the Jakarta calendar date of an aware instant."""
    return instant.astimezone(JAKARTA).date()


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in Jakarta, in UTC."""
    return datetime.combine(day, time(), JAKARTA).astimezone(UTC)
