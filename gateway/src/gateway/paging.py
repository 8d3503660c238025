"""Pages of lists whose ids are in the order of their making, newest first."""

import uuid
from collections.abc import Sequence
from typing import Protocol, TypeVar

from perisai_kit.fields import CursorInvalid, decode_cursor, encode_cursor


class _Row(Protocol):
    @property
    def id(self) -> uuid.UUID: ...


Row = TypeVar("Row", bound=_Row)


def read_cursor(cursor: str | None) -> uuid.UUID | None:
    """Return the id that the page before ended with. Raises: CursorInvalid."""
    if cursor is None:
        return None
    try:
        return uuid.UUID(decode_cursor(cursor, 1)[0])
    except ValueError:
        raise CursorInvalid(field="cursor") from None


def cut_page(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
    """Return the page and the cursor of the next. rows: one more than the page, if there is."""
    page = rows[:limit]
    return page, encode_cursor(str(page[-1].id)) if len(rows) > limit else None
