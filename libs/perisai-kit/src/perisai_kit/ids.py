"""Public identifiers."""

import uuid

from uuid_utils import compat


def new_id() -> uuid.UUID:
    """Return a UUIDv7: unique, and in the order of its making, so that indexes stay compact."""
    return compat.uuid7()
