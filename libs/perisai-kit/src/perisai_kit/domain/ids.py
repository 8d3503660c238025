"""Public identifiers."""

import uuid
from datetime import UTC, datetime, timedelta

import uuid_utils

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id() -> uuid.UUID:
    """Return a UUIDv7. Its order is the order of creation, so that indexes stay compact.

    It is of the class that the driver reads ids as, whose instances are made, hashed and written as
    text at a fifth of the cost of the library's.
    """
    # Here, because commands that make no id do not wait for the driver.
    from asyncpg.pgproto.pgproto import UUID  # noqa: PLC0415 - see above

    return UUID(uuid_utils.uuid7().bytes)


def new_id_text() -> str:
    """Return a new id as text, at half of the cost of `new_id`."""
    return str(uuid_utils.uuid7())


def lowest_id_of(at: datetime) -> uuid.UUID:
    """Return the bound below all ids made at an instant or later, and above all older ones.

    A query of a table in partitions names it, so that only the partitions in question are read.
    """
    return uuid.UUID(int=max((at - EPOCH) // timedelta(milliseconds=1), 0) << 80)


def read_time_of(id_: uuid.UUID) -> datetime:
    """Return when an id was made. Raises: OverflowError if it was not made by `new_id`."""
    return EPOCH + timedelta(milliseconds=id_.int >> 80)
