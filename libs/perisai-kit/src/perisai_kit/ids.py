"""Public identifiers."""

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    """Return a UUIDv7: unique, and in the order of its making, so that indexes stay compact."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)
