"""Keyset cursors over ids. Ids are made in the order of time, so no other key is needed."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from perisai_kit.http.paging import CursorInvalid, CursorText, PageLimit, decode_cursor

Cursor = Annotated[CursorText | None, Query(description="`next_cursor` of the page before.")]
Limit = Annotated[PageLimit, Query(description="How many items at most.")]

MAX_BIGINT = 2**63 - 1


def uuid_of(cursor: str | None) -> UUID | None:
    """Return the id a page ended with. Raises: CursorInvalid."""
    if cursor is None:
        return None
    (text,) = decode_cursor(cursor, 1)
    try:
        return UUID(text)
    except ValueError:
        raise CursorInvalid(field="cursor") from None


def number_of(cursor: str | None) -> int:
    """Return the number a page ended with, 0 before the first. Raises: CursorInvalid."""
    if cursor is None:
        return 0
    (text,) = decode_cursor(cursor, 1)
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_BIGINT):
        raise CursorInvalid(field="cursor")
    return int(text)
