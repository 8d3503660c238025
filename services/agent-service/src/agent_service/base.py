"""What all tables of this service share."""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import DateTime, Enum, MetaData, Text
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db.columns import NAMING

Choice = TypeVar("Choice", bound=StrEnum)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text}  # noqa: RUF012 - SQLAlchemy's way


def choice(kind: type[Choice], name: str) -> Enum:
    """Return the column type of an enumeration: text with a check named after the column."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )
