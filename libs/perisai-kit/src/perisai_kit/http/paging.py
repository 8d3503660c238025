"""Paging of lists with an opaque cursor.

A list reads one row more than a page (`limit + 1`) after the key from `read_cursor`. `cut_page`
makes a page of the rows.
"""

import base64
import binascii
import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import (
    Annotated,
    Any,
    Generic,
    TypeVar,
)

from fastapi import Query
from pydantic import Field, StringConstraints

from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.domain.month import Month
from perisai_kit.http.types import Out

PageLimit = Annotated[int, Field(ge=1, le=200)]
Limit = Annotated[PageLimit, Query(description="How many rows at most.")]
_CURSOR = describe_form(
    r"^[A-Za-z0-9_=-]+$",
    "must be the `next_cursor` of an earlier answer",
    "harus nilai `next_cursor` dari jawaban sebelumnya",
)
CursorText = Annotated[str, StringConstraints(max_length=400, pattern=_CURSOR)]
Cursor = Annotated[CursorText | None, Query(description="The `next_cursor` of the page before.")]

MAX_BIGINT = 2**63 - 1

Item = TypeVar("Item")
Row = TypeVar("Row")
Key = TypeVar("Key")
KeyPart = str | int | datetime | uuid.UUID | Month


class Page(Out, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last one."""

    items: Annotated[list[Item], Field(description="The rows of this page.")]
    next_cursor: Annotated[
        str | None,
        Field(description="Send it as `cursor` for the next page; null on the last one."),
    ] = None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Return what a page of these is called: `MemberPage` for `MemberOut`."""
        (item,) = params
        name = getattr(item, "__name__", str(item)).removesuffix("Out")
        return f"{name.removesuffix('Summary')}Page"


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of one page; `next_cursor` is None on the last one."""

    items: Annotated[Sequence[Row], Field(description="The rows of this page.")]
    next_cursor: Annotated[
        str | None,
        Field(description="Send it as `cursor` for the next page; null on the last one."),
    ]

    def page(self, show: Callable[[Row], Item]) -> Page[Item]:
        """Return the page that shows these rows."""
        return Page(items=[show(row) for row in self.items], next_cursor=self.next_cursor)


class CursorInvalid(Invalid):
    code = "cursor_invalid"
    text = "This cursor does not belong to this list. Start again without a cursor."
    text_id = "Penanda halaman tidak berlaku untuk daftar ini. Mulai lagi tanpa penanda."


def encode_cursor(*values: KeyPart) -> str:
    """Return the cursor for the key of the last row of a page."""
    plain = [_plain(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _plain(value: KeyPart) -> str | int:
    if isinstance(value, int):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def decode_cursor(cursor: str, count: int) -> list[str]:
    """Return the `count` key values of a cursor as text.

    Raises: CursorInvalid for any other text.
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


def read_cursor(cursor: str | None, read: Callable[..., Key], *, parts: int = 1) -> Key | None:
    """Return the last key of the previous page, or None for the first page.

    read: makes the key from `parts` texts, or raises ValueError.
    Raises: CursorInvalid.
    """
    if cursor is None:
        return None
    texts = decode_cursor(cursor, parts)
    try:
        return read(*texts)
    except ValueError:
        raise CursorInvalid(field="cursor") from None


def bind_cursor(binding: object, *key: KeyPart) -> tuple[KeyPart, ...]:
    """Return a sort key for `cut_page` that only the same list accepts.

    binding: what makes the list, such as its order and its filters, with a stable `repr`.
    """
    return (_fingerprint(binding), *key)


def read_bound_cursor(
    cursor: str | None, read: Callable[..., Key], *, parts: int, binding: object
) -> Key | None:
    """Return the last key of the previous page of the same list, or None for the first page.

    Raises: CursorInvalid, also for a cursor of a list with another order or other filters.
    """

    def read_own(fingerprint: str, *key: str) -> Key:
        if fingerprint != _fingerprint(binding):
            raise ValueError(fingerprint)
        return read(*key)

    return read_cursor(cursor, read_own, parts=parts + 1)


def _fingerprint(binding: object) -> str:
    return hashlib.blake2b(repr(binding).encode(), digest_size=8).hexdigest()


def parse_bigint(text: str) -> int:
    """Parse a non-negative bigint. Raises: ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_BIGINT):
        raise ValueError(text)
    return int(text)


def parse_instant(text: str) -> datetime:
    """Parse an instant with an offset. Raises: ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at


def parse_instant_and_id(at: str, id_: str) -> tuple[datetime, uuid.UUID]:
    """Parse the key of a list that is ordered by time. Raises: ValueError."""
    return parse_instant(at), uuid.UUID(id_)


def cut_page(
    rows: Sequence[Row],
    limit: int,
    key: Callable[[Row], KeyPart | tuple[KeyPart, ...]],
    *,
    resume_at: KeyPart | None = None,
) -> Slice[Row]:
    """Return the page of rows that were read with `limit + 1`.

    key: returns the sort key of a row, for `read_cursor`. resume_at: after which key the list goes
    on although it has no more rows yet; None: it ends with them.
    """
    if len(rows) <= limit:
        return Slice(rows, None if resume_at is None else encode_cursor(resume_at))
    last = key(rows[limit - 1])
    return Slice(rows[:limit], encode_cursor(*(last if isinstance(last, tuple) else (last,))))
