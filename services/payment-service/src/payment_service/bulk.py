"""Insert many rows in one statement that is the same for any number of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Table,
    Text,
    Uuid,
    any_,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.types import TypeEngine

from payment_service.base import Base


def insert_rows(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> Insert:
    """Return the insertion of one row or more, which all have the same columns.

    One array a column: values of their own would be too many parameters beyond some thousand rows.
    """
    table: Table = model.__table__  # type: ignore[assignment]  # a declarative class has one
    kinds: dict[str, TypeEngine[Any]] = {name: table.c[name].type for name in rows[0]}
    sent = {name: _sent(kind) for name, kind in kinds.items()}
    arrays: list[ColumnElement[Any]] = [
        cast(_values([row[name] for row in rows], kind), ARRAY(sent[name]))
        for name, kind in kinds.items()
    ]
    names: list[ColumnElement[Any]] = [column(name, sent[name]) for name in kinds]
    wanted = func.unnest(*arrays).table_valued(*names, name="wanted").render_derived()
    chosen = [cast(wanted.c[name], kind) for name, kind in kinds.items()]
    return insert(model).from_select(list(kinds), select(*chosen))


def any_id(ids: Sequence[UUID] | set[UUID] | frozenset[UUID]) -> ColumnElement[Any]:
    """Return what a column equals when it is one of these ids."""
    return any_(literal(list(ids), ARRAY(Uuid())))


def _sent(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    # Text of whatever has no simple type of its own; the column's own type is cast to.
    return kind if isinstance(kind, Uuid | BigInteger | Boolean | DateTime) else Text()


def _values(values: list[Any], kind: TypeEngine[Any]) -> list[Any]:
    if _sent(kind) is kind:
        return values
    as_text = json.dumps if isinstance(kind, JSONB) else str
    return [None if value is None else as_text(value) for value in values]
