"""Names of constraints, and the column types that SQLAlchemy does not have."""

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
"""The `type_annotation_map` of a service: the default column types."""


def choice(kind: type[Choice], check: str | None = None) -> Enum:
    """Return a text column type for the values of an enumeration.

    check: the name of its check constraint; None for no constraint.
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
    """Return the SQL check of a plain text column for the values of an enumeration."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return f"{column} IN ({values})"


class KitBase(DeclarativeBase):
    """The base of the tables in every service: events, idempotency keys, read audits and more."""

    metadata = MetaData(naming_convention=NAMING)
