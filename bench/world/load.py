"""Read the models' rows, and put copies in the place of them: COPY into tables without indexes.

Nothing is said here about any single table but what cannot be seen from the outside: which are
the same for all, and which are left empty.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy.orm import DeclarativeBase

from bench.world.plan import Model
from bench.world.records import HEADER, TRAILER, Record, RowReader, SealedValue, read_rows
from bench.world.rows import ID, Known, Scale
from payment_service.callbacks import rules as callbacks
from perisai_kit.privacy.columns import Sealed, get_sealed_columns
from perisai_kit.privacy.keyring import Keyring

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SAME = frozenset(
    {
        "alembic_version",
        "bank_partners",
        "commission_month_sums",
        "commission_months",
        "commission_schemes",
        "commission_watermark",
        "holiday_corrections",
        "month_closings",
        "subscriptions",
    }
)
"""Tables whose rows are the same however many members there are."""
NOT_THE_SAME_IDS = frozenset({"month_closings"})
"""Of those, with the id of a beneficiary, who has copies."""
EMPTY = frozenset(
    {
        "idempotency_keys",
        "ledger_balance_snapshots",
        "month_closing_entries",
        "periodic_leases",
        "snap_access_tokens",
        "snap_external_ids",
        "snap_unproven_requests",
    }
)
"""Tables whose rows last for days only, or are made anew."""
NUMBERED = {
    "commission_lines": ("id",),
    "event_positions": ("position",),
    "ledger_transfers": ("correction_of",),
}
"""Columns with numbers from a sequence, besides the identity columns."""
UNSET = {"event_positions": ("highest", "gaps")}
"""Columns that only the last row of all needs."""
PIECE_BYTES = 1 << 17
"""Of one piece for COPY. Larger ones are moved in memory while they wait to be sent."""
SEALED_WEIGHT, INDEX_WEIGHT = 700, 150
"""Bytes that are loaded in the time in which one value is encrypted, and one row put in an index.
"""
MAINTENANCE = "SET maintenance_work_mem = '2GB'"
LOOKED = """
    UPDATE event_positions SET highest = (SELECT max(seq) FROM events), gaps = '{}'
    WHERE position = (SELECT max(position) FROM event_positions)
"""
"""Every event has a position, so none is missing up to the last one."""
MULTIPLY_SUMS = """
    UPDATE commission_months SET
        statement_count = statement_count * {copies}, line_count = line_count * {copies},
        agent_parts = agent_parts * {copies}, wadah_parts = wadah_parts * {copies},
        amount = amount * {copies};
    UPDATE month_closings SET
        statement_count = statement_count * {copies},
        beneficiary_count = beneficiary_count * {copies};
    UPDATE commission_month_sums SET
        line_count = line_count * {copies}, agent_parts = agent_parts * {copies},
        wadah_parts = wadah_parts * {copies}, through_id = through_id * {copies}
"""


@dataclass(frozen=True, slots=True)
class Store:
    """The database of a service. url: for its owner. base: of the service's models."""

    name: str
    url: str
    base: type[DeclarativeBase]
    keyring: Keyring = field(repr=False)

    def list_sealed(self, table: str) -> list[Sealed[Any]]:
        for mapper in self.base.registry.mappers:
            if mapper.local_table.name == table:  # type: ignore[attr-defined]
                return get_sealed_columns(mapper.class_)
        return []


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its models' rows. indexes, references: statements that make them.

    parts: the rows of each partition; those of a table without partitions are its own.
    """

    store: Store
    name: str
    columns: tuple[str, ...]
    parts: Mapping[str, Sequence[Record]]
    indexes: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def weight(self) -> int:
        """About how long it takes to load it, for the order of the tables."""
        rows = list(chain.from_iterable(self.parts.values()))
        places = [place for each in rows for _, _, place in each.places]
        sealed = sum(isinstance(each, SealedValue) for each in places)
        indexed = len(rows) * len(self.indexes)
        size = sum(len(each.fixed) for each in rows)
        return size + SEALED_WEIGHT * sealed + INDEX_WEIGHT * indexed


async def read_store(store: Store, models: Sequence[Model], kept: Iterable[str]) -> list[Table]:
    """Return the tables of a database with their rows as templates."""
    connection = await asyncpg.connect(store.url)
    try:
        known = await _read_known(connection, store, models, kept)
        names = await connection.fetch(_TABLES)
        return [
            await _read_table(connection, store, name, known)
            for (name,) in names
            if name not in SAME | EMPTY
        ]
    finally:
        await connection.close()


async def list_same_ids(stores: Sequence[Store]) -> set[str]:
    """Return the ids in tables that are the same for all: of banks and of schemes."""
    found: set[str] = set()
    for store in stores:
        connection = await asyncpg.connect(store.url)
        try:
            for table in SAME - NOT_THE_SAME_IDS:
                if table in store.base.metadata.tables:
                    whole = f"SELECT to_jsonb(same)::text FROM {table} AS same"  # noqa: S608
                    for (text,) in await connection.fetch(whole):
                        found |= {each[0] for each in ID.finditer(text)}
        finally:
            await connection.close()
    return found


async def drop_indexes(store: Store, tables: Iterable[Table]) -> None:
    """Drop indexes, keys and references of tables, and empty the tables that are to be empty."""
    connection = await asyncpg.connect(store.url)
    try:
        names = [each.name for each in tables]
        for kinds in ("f", "pu"):
            for table, name, _, _ in await connection.fetch(_CONSTRAINTS, names, list(kinds)):
                await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for _, name, _ in await connection.fetch(_INDEXES, names):
            await connection.execute(f'DROP INDEX "{name}"')
        for (name,) in await connection.fetch(_TABLES):
            if name in EMPTY:
                await connection.execute(f"TRUNCATE {name}")
    finally:
        await connection.close()


async def load_table(table: Table, scale: Scale) -> int:
    """Put the copies in the place of the models' rows, and make the indexes; return the rows."""
    if table.name == "branches":
        scale = replace(scale, copies=min(scale.copies, scale.branches))
    connection = await asyncpg.connect(table.store.url)
    try:
        # Into a table that was emptied in the same transaction, COPY writes no log, and pages on
        # which VACUUM has nothing to do; but not through the table of which it is a partition.
        async with connection.transaction():
            await connection.execute(f"TRUNCATE {table.name}")
            for part, rows in table.parts.items():
                await connection.copy_to_table(
                    part,
                    source=_render(rows, scale),
                    columns=table.columns,
                    format="binary",
                    freeze=True,
                    timeout=None,
                )
        await connection.execute(MAINTENANCE)
        for statement in table.indexes:
            await connection.execute(statement)
    finally:
        await connection.close()
    return sum(map(len, table.parts.values())) * scale.copies


async def finish_table(table: Table) -> None:
    """Make the references of a table, and take statistics."""
    connection = await asyncpg.connect(table.store.url)
    try:
        await connection.execute(MAINTENANCE)
        for statement in (*table.references, f"ANALYZE {table.name}"):
            await connection.execute(statement)
    finally:
        await connection.close()


async def move_on(store: Store, scale: Scale) -> None:
    """Move sequences, cursors and sums on; take statistics of the tables that are not copied."""
    connection = await asyncpg.connect(store.url)
    try:
        for name, column, sequence in await connection.fetch(_IDENTITIES):
            await connection.execute(
                f"SELECT setval('{sequence}', coalesce(max({column}), 1)) FROM {name}"  # noqa: S608
            )
        for (sequence,) in await connection.fetch(_SEQUENCES):
            moved = f"SELECT setval('{sequence}', last_value * {scale.copies}) FROM {sequence}"  # noqa: S608
            await connection.execute(moved)
        await connection.execute(LOOKED)
        await connection.execute(f"UPDATE subscriptions SET position = position * {scale.copies}")  # noqa: S608
        if store.name == "payment":
            await connection.execute(MULTIPLY_SUMS.format(copies=scale.copies))
        for name in sorted(SAME & set(store.base.metadata.tables)):
            await connection.execute(f"ANALYZE {name}")
    finally:
        await connection.close()


async def _render(rows: Iterable[Record], scale: Scale) -> AsyncIterator[bytes]:
    yield HEADER
    for row in rows:
        copies = memoryview(row.render(scale))
        for at in range(0, len(copies), PIECE_BYTES):
            yield bytes(copies[at : at + PIECE_BYTES])
    yield TRAILER


async def _read_known(
    connection: Connection, store: Store, models: Sequence[Model], kept: Iterable[str]
) -> Known:
    keyring = store.keyring
    niks = {each.person.nik for each in models}
    phones = {each.person.phone: each.place for each in models}
    hashes = {keyring.lookup("nik", nik).hex(): ("nik", nik) for nik in niks}
    hashes |= {keyring.lookup("phone", phone).hex(): ("phone", phone) for phone in phones}
    serials: dict[str, int] = {}
    if store.name == "payment":
        rows = await connection.fetch("SELECT customer_no FROM virtual_accounts ORDER BY 1")
        # The first digit is never zero, and the last one is a check digit.
        serials = {row[0]: int(row[0][1:-1]) for row in rows}
        hashes |= await _read_content_hashes(connection, store)
    return Known(frozenset(kept), frozenset(niks), phones, serials, hashes, keyring)


async def _read_content_hashes(connection: Connection, store: Store) -> dict[str, tuple[str, str]]:
    (body,) = (each for each in store.list_sealed("callbacks") if each.name == "body")
    found = {}
    for id_, stored in await connection.fetch(_PAYMENT_MESSAGES):
        message = json.loads(body.unseal(store.keyring, (id_,), stored))
        content = callbacks.content(
            partner_service_id=message["partnerServiceId"],
            virtual_account_no=message["virtualAccountNo"],
            paid_amount=int(float(message["paidAmount"]["value"])),
            trx_id=None,
            paid_bills=None,
        )
        hashed = store.keyring.lookup("snap_payment", content)
        found[hashed.hex()] = ("snap_payment", content)
    return found


async def _read_table(connection: Connection, store: Store, name: str, known: Known) -> Table:
    rows = await connection.fetch(_COLUMNS, name)
    types = {row["name"]: row["type"] for row in rows}
    keys = [row[0] for row in await connection.fetch(_KEY, name)]
    numbered = {row["name"] for row in rows if row["is_identity"]} | {*NUMBERED.get(name, ())}
    sealed = {each.name: each for each in store.list_sealed(name)}
    chosen = ", ".join(f'"{each}"' for each in types)
    copied: list[bytes] = []
    await connection.copy_from_query(
        f"SELECT tableoid::regclass::text, {chosen} FROM {name} ORDER BY {', '.join(keys)}",  # noqa: S608
        output=_collect(copied),
        format="binary",
    )
    reader = RowReader(types, keys, numbered, UNSET.get(name, ()), sealed, known)
    parts: dict[str, list[Record]] = defaultdict(list)
    for part, *fields in read_rows(b"".join(copied)):
        assert part is not None
        parts[part.decode()].append(reader.compile(fields))
    return Table(
        store,
        name,
        tuple(types),
        parts,
        await _list_statements(connection, name, references=False),
        await _list_statements(connection, name, references=True),
    )


def _collect(into: list[bytes]) -> Any:
    async def collect(data: bytes) -> None:
        into.append(bytes(data))

    return collect


async def _list_statements(
    connection: Connection, table: str, *, references: bool
) -> tuple[str, ...]:
    """Return what makes the keys and indexes of a table, or its references."""
    kinds = ["f"] if references else ["p", "u"]
    found = [
        f'ALTER TABLE {name} ADD CONSTRAINT "{constraint}" {definition}'
        for name, constraint, _, definition in await connection.fetch(_CONSTRAINTS, [table], kinds)
    ]
    if not references:
        found += [
            # Of a partitioned table it says ONLY, and leaves the partitions without.
            definition.replace(" ON ONLY ", " ON ", 1)
            for _, _, definition in await connection.fetch(_INDEXES, [table])
        ]
    return tuple(found)


_TABLES = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY relname
"""
_COLUMNS = """
    SELECT column_name::text AS name, udt_name::text AS type, is_identity = 'YES' AS is_identity
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'
    ORDER BY ordinal_position
"""
_KEY = """
    SELECT attname::text FROM pg_index, unnest(indkey) WITH ORDINALITY AS part (attnum, place)
    JOIN pg_attribute USING (attnum)
    WHERE indrelid = $1::text::regclass AND attrelid = indrelid AND indisprimary ORDER BY place
"""
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname::text, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text = ANY($1)
        AND contype = ANY($2::text[]::"char"[]) AND conparentid = 0
    ORDER BY contype, conname
"""
_INDEXES = """
    SELECT tablename::text, indexname::text, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename = ANY($1)
        AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u'))
    ORDER BY indexname
"""
_IDENTITIES = """
    SELECT table_name::text, column_name::text,
           pg_get_serial_sequence(quote_ident(table_name), column_name)
    FROM information_schema.columns WHERE table_schema = 'public' AND is_identity = 'YES'
        AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
"""
_SEQUENCES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'i')
"""
_PAYMENT_MESSAGES = "SELECT id, body FROM callbacks WHERE content_hash IS NOT NULL"
