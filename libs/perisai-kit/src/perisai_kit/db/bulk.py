"""Inserts without duplicates, bulk inserts, and work on many rows in short transactions."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    CursorResult,
    DateTime,
    Delete,
    LargeBinary,
    Select,
    Table,
    Text,
    Uuid,
    any_,
    cast,
    column,
    delete,
    func,
    inspect,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from perisai_kit.db.engine import Database

BATCH = 5_000
"""Rows deleted per transaction: some hundred milliseconds on a busy server."""
RUN_S = 30.0
"""The time of one turn of periodic work; then it returns that there is more."""

MOST_REST_S = 5.0
"""The longest pause between two batches: a process that stops waits for it."""

Row = TypeVar("Row", bound=DeclarativeBase)

Step = Callable[[AsyncSession, int], Awaitable[int]]
"""Works on at most so many rows in the session's transaction; returns their number."""


async def insert_once(session: AsyncSession, row: Row) -> Row | None:
    """Insert a row and return it as the session's object; return None if a unique index refuses it.

    It waits for another transaction that inserts the same row. Attributes that are not set get the
    defaults of their columns.
    """
    state = inspect(row)
    set_here = [each.key for each in state.mapper.column_attrs if each.key in state.dict]
    values = {key: state.dict[key] for key in set_here}
    kind = type(row)
    return await session.scalar(
        insert(kind).values(values).on_conflict_do_nothing().returning(kind)
    )


def any_id(ids: Collection[UUID]) -> ColumnElement[Any]:
    """Return what a column equals when it is one of these ids: one parameter, however many."""
    return any_(literal(list(ids), ARRAY(Uuid())))


def insert_rows_statement(
    model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]
) -> Insert:
    """Return the statement that inserts one or more rows with the same columns.

    It has one array per column, because single values would exceed the limit of parameters.
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


def _sent(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    # Other types are sent as text and cast to the column's type.
    is_native = isinstance(kind, Uuid | BigInteger | Boolean | DateTime | LargeBinary)
    return kind if is_native else Text()


def _values(values: list[Any], kind: TypeEngine[Any]) -> list[Any]:
    if _sent(kind) is kind:
        return values
    as_text = json.dumps if isinstance(kind, JSONB) else str
    return [None if value is None else as_text(value) for value in values]


async def run_in_batches(
    database: Database,
    *steps: Step,
    batch: int = BATCH,
    run_s: float = RUN_S,
    rest_ratio: Callable[[], float] = lambda: 0.0,
) -> bool:
    """Run each step until it finds fewer rows than a batch, each batch in its own transaction.

    Return whether there may be more, because `run_s` seconds have passed. At least one batch runs.
    rest_ratio: gives the pause after a full batch, as so many times what the batch took, at most
    MOST_REST_S.
    """
    deadline = time.monotonic() + run_s
    for step in steps:
        while True:
            began = time.monotonic()
            async with database.begin() as session:
                count = await step(session, batch)
            if count < batch:
                break
            now = time.monotonic()
            if now >= deadline:
                return True
            await asyncio.sleep(min(rest_ratio() * (now - began), MOST_REST_S))
    return False


async def run_steps(step: Callable[[], Awaitable[bool]], *, run_s: float = RUN_S) -> bool:
    """Take a step until it says that nothing is left; return whether `run_s` seconds ended it."""
    deadline = time.monotonic() + run_s
    while await step():
        if time.monotonic() >= deadline:
            return True
    return False


@dataclass(frozen=True, slots=True)
class OldRows:
    """Rows to delete: those with `column` less than `before`.

    column: must be indexed, alone or after the columns that `where` fixes. Its table has no
    partitions, because a row's place is one in its partition only.
    """

    column: InstrumentedAttribute[Any]
    before: object
    where: ColumnElement[bool] = true()  # noqa: RUF009 - a constant of the library

    def __post_init__(self) -> None:
        table = self.column.class_.__table__
        is_whole = table.dialect_options["postgresql"]["partition_by"] is None
        assert is_whole, f"{table} has partitions, which are dropped"

    async def delete_batch(self, session: AsyncSession, limit: int) -> int:
        """Delete at most `limit` of the rows, the oldest first; return their number."""
        result = await session.execute(self._statement(limit))
        assert isinstance(result, CursorResult)
        return result.rowcount

    def _statement(self, limit: int) -> Delete:
        # By ctid: with a condition on the keys the planner may read the whole table each time. A
        # row that is changed meanwhile has another ctid and stays.
        places: Select[Any] = (
            select(column("ctid"))
            .select_from(self.column.class_)
            .where(self.column < self.before, self.where)
            .order_by(self.column)
            .limit(limit)
            .correlate(None)
        )
        chosen = column("ctid") == func.any(func.array(places.scalar_subquery()))
        return delete(self.column.class_).where(chosen).execution_options(synchronize_session=False)


async def delete_old(database: Database, *old: OldRows, run_s: float = RUN_S) -> bool:
    """Delete all these rows in short transactions; return whether `run_s` was too short."""
    return await run_in_batches(database, *(each.delete_batch for each in old), run_s=run_s)
