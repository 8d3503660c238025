"""The declarative base of this service's own tables."""

from sqlalchemy import MetaData, Text
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db.columns import COLUMN_TYPES, NAMING, MonthColumn


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = COLUMN_TYPES


class MonthText(MonthColumn):
    """A month in a column without a length, as the tables of this service have it."""

    impl = Text
    cache_ok = True
