"""Encrypt stored values anew under the key ring's first key, while the service runs.

Nothing is remembered between runs: a stored value names its key, so that a run which was killed
is just started again. Several runs at once share the rows between them. A batch locks its rows,
and passes over those that somebody else holds: nobody waits for it for longer than a batch takes,
it waits for nobody, and no value is lost that is written meanwhile.
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
"""Rows that are locked together, for some ten milliseconds."""
AGAIN_S = 1.0
"""Pause before rows that somebody else held are looked for again."""
PATIENCE = 30
"""So many times in a row nothing could be done about what is left; then the run ends."""

Tell: TypeAlias = Callable[[str], None]
LeftOver: TypeAlias = dict[str, Counter[str]]
"""How many values are not under the first key: by `table.column`, by the id of their key."""


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table, its primary key, and its encrypted columns by name."""

    table: Table
    columns: tuple[str, ...]

    @property
    def keys(self) -> tuple[ColumnElement[Any], ...]:
        return tuple(self.table.primary_key)

    def stored(self, name: str) -> ColumnElement[bytes]:
        """The column as bytes, past the type that gives nothing but carriers."""
        return type_coerce(self.table.c[name], LargeBinary())

    def context(self, name: str) -> str:
        return f"{self.table.name}.{name}"


@dataclass(slots=True)
class Rotation:
    """What a run did. unreadable: values that do not decrypt, by `table.column`."""

    rewritten: int = 0
    left: LeftOver = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Whether every value is under the first key, so that the others may be removed."""
        return not self.left


def find_sealed_tables(metadata: Iterable[MetaData]) -> list[SealedTable]:
    """Return every table with encrypted columns."""
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
    tell: Tell,
    batch: int = BATCH,
    again_s: float = AGAIN_S,
) -> Rotation:
    """Encrypt every value that is under another key anew; return what was done and what is left.

    database: as the owner of the tables, for a service may not change its insert-only ones.
    tell: takes lines about progress; they hold numbers and names of columns.
    """
    tables = find_sealed_tables(metadata)
    done, stuck = Rotation(), 0
    while True:
        before, done.unreadable = done.rewritten, Counter()
        for each in tables:
            await _rotate_table(database, keyring, each, done, tell=tell, batch=batch)
        done.left = await count_left(database, keyring, metadata)
        if _is_as_good_as_it_gets(done):
            return done
        stuck = 0 if done.rewritten > before else stuck + 1
        if stuck >= PATIENCE:
            return done
        await asyncio.sleep(again_s)


def _is_as_good_as_it_gets(done: Rotation) -> bool:
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
    tell: Tell,
    batch: int,
) -> None:
    after: tuple[object, ...] | None = None
    rewritten = 0
    while True:
        async with database.begin() as session:
            rows = (await session.execute(_next_rows(sealed, keyring, after, batch))).all()
            changed = _encrypt_anew(rows, sealed, keyring, done.unreadable)
            if changed:
                await session.execute(_rewrite(sealed, changed))
        done.rewritten += len(changed)
        rewritten += len(changed)
        if changed:
            tell(f"{sealed.table.name}: {rewritten} rows are encrypted anew")
        if not rows:
            return
        after = tuple(rows[-1])[: len(sealed.keys)]


def _next_rows(
    sealed: SealedTable, keyring: Keyring, after: tuple[object, ...] | None, batch: int
) -> Select[Any]:
    keys, stored = sealed.keys, [sealed.stored(name) for name in sealed.columns]
    chosen = select(*keys, *stored).where(or_(*(_is_old(each, keyring) for each in stored)))
    if after is not None:
        chosen = chosen.where(tuple_(*keys) > tuple_(*map(literal, after)))
    return chosen.order_by(*keys).limit(batch).with_for_update(skip_locked=True, key_share=True)


def _encrypt_anew(
    rows: Sequence[Row[Any]], sealed: SealedTable, keyring: Keyring, unreadable: Counter[str]
) -> list[list[Any]]:
    """Return key and new values of the rows of which something changes."""
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
            changed.append([*row_id, *new])
    return changed


def _rewrite(sealed: SealedTable, rows: Sequence[Sequence[Any]]) -> Any:
    """One statement, and one new version of each row whatever number of its columns change."""
    types = [each.type for each in sealed.keys] + [LargeBinary()] * len(sealed.columns)
    names = [f"c{place}" for place in range(len(types))]
    arrays = [
        cast(literal(list(values), ARRAY(kind)), ARRAY(kind))
        for values, kind in zip(zip(*rows, strict=True), types, strict=True)
    ]
    columns = [column(name, kind) for name, kind in zip(names, types, strict=True)]
    new = func.unnest(*arrays).table_valued(*columns, name="renewed").render_derived()
    count = len(sealed.keys)
    values = dict(zip(sealed.columns, (new.c[name] for name in names[count:]), strict=True))
    own = (key == new.c[name] for key, name in zip(sealed.keys, names, strict=False))
    return update(sealed.table).values(values).where(*own)
