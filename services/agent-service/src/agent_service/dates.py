"""Dates that people type."""

from datetime import date
from typing import Annotated

from pydantic import Field

from perisai_kit.http.types import WRITTEN_DAY

TypedDate = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2099, 12, 31)), WRITTEN_DAY]
"""Within two centuries, so that date arithmetic cannot overflow."""
