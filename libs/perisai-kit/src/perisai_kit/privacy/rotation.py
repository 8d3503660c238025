"""Re-encrypts stored values under the first data key, while the service runs.

A run has no state, because a stored value contains its key id. A killed run is simply started
again, and several runs can share the work. A batch locks its rows and skips rows that are locked by
others. So it waits for no transaction, delays others by at most one batch, and loses no concurrent
write.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    LargeBinary,
    MetaData,
    Row,
    Select,
    Table,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.privacy.columns import SealedType, build_place
from perisai_kit.privacy.keyring import DecryptionFailed, Keyring

BATCH = 500
"""Rows that are locked together, for about ten milliseconds."""
AGAIN_S = 1.0
"""Pause before rows that were locked by others are tried again."""
PATIENCE = 30
"""The run ends after so many consecutive rounds without progress."""

Report: TypeAlias = Callable[[str], None]
LeftOver: TypeAlias = dict[str, Counter[str]]
"""The number of values that are not under the first key, by `table.column` and key id."""


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table, its primary key, and its encrypted columns by name."""

    table: Table
    columns: tuple[str, ...]

    @property
    def keys(self) -> tuple[ColumnElement[Any], ...]:
        return tuple(self.table.primary_key)

    def stored(self, name: str) -> ColumnElement[bytes]:
        """Return the column as bytes, without its encrypted type."""
        return type_coerce(self.table.c[name], LargeBinary())

    def context(self, name: str) -> str:
        return f"{self.table.name}.{name}"


@dataclass(slots=True)
class Rotation:
    """The result of a run. unreadable: values that cannot be decrypted, by `table.column`."""

    rewritten: int = 0
    left: LeftOver = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Whether every value is under the first key, so that the others can be removed."""
        return not self.left


def find_sealed_tables(metadata: Iterable[MetaData]) -> list[SealedTable]:
    """Return all tables with encrypted columns."""
    found = []
    for table in (table for each in metadata for table in each.sorted_tables):
        names = tuple(each.name for each in table.columns if isinstance(each.type, SealedType))
        if names:
            found.append(SealedTable(table, names))
    return found


async def rotate(
    database: Database,
    keyring: Keyring,
    metadata: Sequence[MetaData],
    *,
    report: Report,
    batch: int = BATCH,
    again_s: float = AGAIN_S,
) -> Rotation:
    """Re-encrypt every value that is under another key; return the result.

    database: as the owner of the tables, because a service cannot update insert-only tables.
    report: gets lines about progress, with numbers and names of columns.
    """
    tables = find_sealed_tables(metadata)
    done, stuck = Rotation(), 0
    while True:
        before, done.unreadable = done.rewritten, Counter()
        for each in tables:
            await _rotate_table(database, keyring, each, done, report=report, batch=batch)
        done.left = await count_left(database, keyring, metadata)
        if _is_finished(done):
            return done
        stuck = 0 if done.rewritten > before else stuck + 1
        if stuck >= PATIENCE:
            return done
        await asyncio.sleep(again_s)


def _is_finished(done: Rotation) -> bool:
    counts = {context: keys.total() for context, keys in done.left.items()}
    return all(count <= done.unreadable[context] for context, count in counts.items())


async def count_left(
    database: Database, keyring: Keyring, metadata: Sequence[MetaData]
) -> LeftOver:
    """Count the values that are not under the first key."""
    left: LeftOver = {}
    async with database.read() as session:
        for each in find_sealed_tables(metadata):
            for name in each.columns:
                counted = await _count_by_key(session, each, name, keyring)
                if counted:
                    left[each.context(name)] = counted
    return left


async def _count_by_key(
    session: AsyncSession, sealed: SealedTable, name: str, keyring: Keyring
) -> Counter[str]:
    stored = sealed.stored(name)
    length = case((func.length(stored) > 1, func.get_byte(stored, 1)), else_=0)
    kid = func.substring(stored, 3, length)
    counted = select(kid, func.count()).where(_is_old(stored, keyring)).group_by(kid)
    return Counter(
        {
            bytes(key).decode("ascii", "replace"): count
            for key, count in await session.execute(counted)
        }
    )


def _is_old(stored: ColumnElement[bytes], keyring: Keyring) -> ColumnElement[bool]:
    prefix = keyring.active_header
    return func.substring(stored, 1, len(prefix)) != literal(prefix, LargeBinary())


async def _rotate_table(
    database: Database,
    keyring: Keyring,
    sealed: SealedTable,
    done: Rotation,
    *,
    report: Report,
    batch: int,
) -> None:
    after: tuple[object, ...] | None = None
    rewritten = 0
    while True:
        async with database.begin() as session:
            rows = (
                await session.execute(_next_rows_statement(sealed, keyring, after, batch))
            ).all()
            changed = _re_encrypt(rows, sealed, keyring, done.unreadable)
            if changed:
                await session.execute(_rewrite_statement(sealed, changed))
        done.rewritten += len(changed)
        rewritten += len(changed)
        if changed:
            report(f"{sealed.table.name}: {rewritten} rows are re-encrypted")
        if not rows:
            return
        after = tuple(rows[-1])[: len(sealed.keys)]


def _next_rows_statement(
    sealed: SealedTable, keyring: Keyring, after: tuple[object, ...] | None, batch: int
) -> Select[Any]:
    keys, stored = sealed.keys, [sealed.stored(name) for name in sealed.columns]
    chosen = select(*keys, *stored).where(or_(*(_is_old(each, keyring) for each in stored)))
    if after is not None:
        chosen = chosen.where(tuple_(*keys) > tuple_(*map(literal, after)))
    return chosen.order_by(*keys).limit(batch).with_for_update(skip_locked=True, key_share=True)


def _re_encrypt(
    rows: Sequence[Row[Any]], sealed: SealedTable, keyring: Keyring, unreadable: Counter[str]
) -> list[list[Any]]:
    """Return key, new values and old values of the rows that change."""
    changed = []
    for row in rows:
        row_id, old = tuple(row)[: len(sealed.keys)], tuple(row)[len(sealed.keys) :]
        new = []
        for name, value in zip(sealed.columns, old, strict=True):
            place = build_place(sealed.context(name), row_id)
            try:
                new.append(keyring.renew(value, place))
            except DecryptionFailed:
                unreadable[sealed.context(name)] += 1
                new.append(value)
        if tuple(new) != old:
            changed.append([*row_id, *new, *old])
    return changed


def _rewrite_statement(sealed: SealedTable, rows: Sequence[Sequence[Any]]) -> Any:
    """Return the statement that updates the rows, with one new version of each.

    The old values are compared too: two answers under one Idempotency-Key, one of which has
    expired, have the same key here.
    """
    types = [each.type for each in sealed.keys] + [LargeBinary()] * 2 * len(sealed.columns)
    names = [f"c{place}" for place in range(len(types))]
    arrays = [
        cast(literal(list(values), ARRAY(kind)), ARRAY(kind))
        for values, kind in zip(zip(*rows, strict=True), types, strict=True)
    ]
    columns = [column(name, kind) for name, kind in zip(names, types, strict=True)]
    new = func.unnest(*arrays).table_valued(*columns, name="renewed").render_derived()
    first, last = len(sealed.keys), len(sealed.keys) + len(sealed.columns)
    values = dict(zip(sealed.columns, (new.c[name] for name in names[first:last]), strict=True))
    own = [key == new.c[name] for key, name in zip(sealed.keys, names, strict=False)]
    own += [
        sealed.stored(name).is_not_distinct_from(new.c[old])
        for name, old in zip(sealed.columns, names[last:], strict=True)
    ]
    return update(sealed.table).values(values).where(*own)
