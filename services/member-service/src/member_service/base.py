"""The declarative base of this service's tables, and the column types they share."""

from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Enum, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from perisai_kit.db.columns import NAMING
from perisai_kit.domain.month import Month

Choice = TypeVar("Choice", bound=StrEnum)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class MonthColumn(TypeDecorator[Month]):
    """A month kept as text, 2026-11, which sorts as the calendar does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Month | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Month | None:
        return None if value is None else Month.parse(value)


def choice(kind: type[Choice]) -> Enum:
    """Return a text column that reads and writes an enumeration's values; add a check beside it."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def one_of(column: str, kind: type[StrEnum]) -> str:
    """Return the text of the check that belongs to `choice`."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return f"{column} IN ({values})"
