"""What every table of this service has in common."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, MetaData, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db import NAMING
from perisai_kit.month import Month


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
