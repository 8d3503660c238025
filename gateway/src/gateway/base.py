"""The declarative base of the gateway's own tables."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db.columns import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
