"""What tables share: their base, and how their constraints are named."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class KitBase(DeclarativeBase):
    """The tables every service has: events, subscriptions, idempotency keys, read audits."""

    metadata = MetaData(naming_convention=NAMING)
