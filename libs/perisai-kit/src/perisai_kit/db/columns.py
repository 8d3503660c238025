"""What tables share: how constraints are named, and the column types beside SQLAlchemy's own."""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import DateTime, Enum, MetaData, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

from perisai_kit.domain.month import Month

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Choice = TypeVar("Choice", bound=StrEnum)


class MonthColumn(TypeDecorator[Month]):
    """A month as text such as 2026-11, so that text order is calendar order."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String(7, collation="C")
    cache_ok = True

    def process_bind_param(self, value: Month | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Month | None:
        return None if value is None else Month.parse(value)


COLUMN_TYPES: dict[Any, Any] = {
    str: Text,
    datetime: DateTime(timezone=True),
    Month: MonthColumn,
}
"""A service's `type_annotation_map`: what a column is, unless it says otherwise."""


def choice(kind: type[Choice], check: str | None = None) -> Enum:
    """Return a text column that reads and writes an enumeration's values.

    check: the name of the check constraint on them, which is the column's; None makes none.
    """
    return Enum(
        kind,
        name=check,
        native_enum=False,
        create_constraint=check is not None,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def one_of(column: str, kind: type[StrEnum]) -> str:
    """Return the check of a plain text column that holds an enumeration's values."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return f"{column} IN ({values})"


class KitBase(DeclarativeBase):
    """The tables every service has: events, subscriptions, idempotency keys, read audits."""

    metadata = MetaData(naming_convention=NAMING)
