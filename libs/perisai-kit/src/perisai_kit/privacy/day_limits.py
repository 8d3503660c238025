"""Limits on what one account may learn about other persons in 24 hours."""

from datetime import datetime, timedelta
from math import ceil

COUNTED = timedelta(hours=24)


def find_wait(limiting_at: datetime | None, *, now: datetime) -> int | None:
    """Return the seconds until an account may ask again; None: it may ask now.

    limiting_at: the earliest of as many questions as are allowed in `COUNTED`, counted from the
    latest; None if there were fewer.
    """
    if limiting_at is None or limiting_at + COUNTED <= now:
        return None
    return ceil((limiting_at + COUNTED - now).total_seconds())
