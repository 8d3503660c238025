"""Wire types of this service beside the kit's."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def _iso_date(value: object) -> object:
    # Pydantic would also take a number as seconds since 1970.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) != len("2026-11-30"):
        raise PydanticCustomError("date", "must be a date such as 2026-11-30")
    return value


Day = Annotated[date, BeforeValidator(_iso_date)]
"""A calendar date, written 2026-11-30."""
