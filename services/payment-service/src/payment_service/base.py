"""What every table of this service has in common."""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db.columns import NAMING
from perisai_kit.domain.month import Month

Choice = TypeVar("Choice", bound=StrEnum)


class MonthColumn(TypeDecorator[Month]):
    """A contribution month as text such as 2026-11, so that text order is calendar order."""

    impl = String(7, collation="C")
    cache_ok = True

    def process_bind_param(self, value: Month | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Month | None:
        return None if value is None else Month.parse(value)


class Base(DeclarativeBase):
    """Integers are BIGINT, text is TEXT and instants are aware, unless a column says otherwise."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own class attribute, read once
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        Month: MonthColumn,
    }


def choice(kind: type[Choice]) -> Enum:
    """Return a text column of an enumeration's values; put the check `one_of` beside it."""
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
