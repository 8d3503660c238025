"""The declarative base of this service's own tables."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db.columns import COLUMN_TYPES, NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = COLUMN_TYPES
