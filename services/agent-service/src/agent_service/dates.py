"""Dates that people type."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field


def _iso_date(value: object) -> object:
    # Pydantic would also take a number as seconds since 1970.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) != len("2026-11-30"):
        raise ValueError("must be a date such as 2026-11-30")
    return value


TypedDate = Annotated[
    date, Field(ge=date(1900, 1, 1), le=date(2099, 12, 31)), BeforeValidator(_iso_date)
]
"""Within two centuries, so that no arithmetic on it leaves the calendar."""
