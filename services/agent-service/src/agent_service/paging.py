"""Lists in the order of their ids, which is the order of their making."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar, TypeVarTuple
from uuid import UUID

from fastapi import Query
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from perisai_kit.http.paging import (
    CursorInvalid,
    CursorText,
    PageLimit,
    decode_cursor,
    encode_cursor,
)

Row = TypeVar("Row")
Columns = TypeVarTuple("Columns")

Cursor = Annotated[CursorText | None, Query(description="The `next_cursor` of the page before.")]
Limit = Annotated[PageLimit, Query(description="How many rows at most.")]


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """One page of rows; next_cursor is None on the last."""

    items: Sequence[Row]
    next_cursor: str | None


def slice_by_id(
    chosen: Select[*Columns],
    identity: InstrumentedAttribute[UUID],
    *,
    cursor: str | None,
    limit: int,
) -> Select[*Columns]:
    """Return the query for one page, with one row more to know whether another follows.

    Raises: CursorInvalid.
    """
    if cursor is not None:
        (after,) = decode_cursor(cursor, 1)
        try:
            chosen = chosen.where(identity > UUID(after))
        except ValueError:
            raise CursorInvalid(field="cursor") from None
    return chosen.order_by(identity).limit(limit + 1)


def slice_of(rows: Sequence[Row], ids: Sequence[UUID], limit: int) -> Slice[Row]:
    """Return the page that `rows`, read with `slice_by_id`, make up."""
    if len(rows) <= limit:
        return Slice(rows, None)
    return Slice(rows[:limit], encode_cursor(str(ids[limit - 1])))
