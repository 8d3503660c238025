"""Lists, page by page: what a page is, and the cursor that leads to the next."""

import base64
import binascii
import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import (
    Field,
    StringConstraints,
)

from perisai_kit.domain.errors import Invalid
from perisai_kit.http.types import Out

PageLimit = Annotated[int, Field(ge=1, le=200)]

Item = TypeVar("Item")


class Page(Out, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None = None


class CursorInvalid(Invalid):
    code = "cursor_invalid"
    text = "The cursor is not one that this list gave out."
    text_id = "Penanda halaman tidak dikenal."


CursorText = Annotated[str, StringConstraints(max_length=400, pattern=r"^[A-Za-z0-9_=-]+$")]


def encode_cursor(*values: str | int | datetime) -> str:
    """Return an opaque cursor for the key of a page's last row."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def decode_cursor(cursor: str, count: int) -> list[str]:
    """Return the `count` key values of a cursor as text.

    Raises: CursorInvalid for anything that `encode_cursor` did not make.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error):
        raise CursorInvalid(field="cursor") from None
    if not isinstance(values, list) or len(values) != count:
        raise CursorInvalid(field="cursor")
    texts = [str(value) for value in values]
    if any("\x00" in text for text in texts):
        raise CursorInvalid(field="cursor")
    return texts


class _Row(Protocol):
    @property
    def id(self) -> uuid.UUID: ...


Row = TypeVar("Row", bound=_Row)


def read_cursor(cursor: str | None) -> uuid.UUID | None:
    """Return the id that the page before ended with, of a list in the order of its ids.

    Raises: CursorInvalid.
    """
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
