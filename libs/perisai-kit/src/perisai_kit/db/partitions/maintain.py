"""Partitions made ahead, and those that were kept for long enough removed, by the owner.

Payments go on meanwhile: no statement waits for a table lock longer than `LOCK_TIMEOUT`, because
all queries would queue behind it; it is tried again instead. Any number of processes may run it;
one works at a time.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import date, datetime
from typing import TypeAlias

import asyncpg

from perisai_kit.db.connections import to_plain_url
from perisai_kit.db.locks import Lock
from perisai_kit.db.partitions.tables import (
    LIST,
    Partition,
    PartitionedTable,
    Removal,
    read_partitions,
)
from perisai_kit.runtime.log import get_logger

LOCK_TIMEOUT = "200ms"
ATTEMPTS = 60
PAUSE_S = 0.5
TURN_WITHIN_S = 60.0
"""How long a process waits for another one that migrates, or makes partitions."""
DETACHED = "detached"
"""The schema of detached partitions, which the running service cannot read."""
SETTINGS = {"application_name": "perisai-partitions", "timezone": "UTC"}
MOVED_AT_ONCE = 100
"""Ranges of one table that are made in one run for rows without a partition."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

log = get_logger()


class PartitionsBusy(Exception):
    """Another process migrates or makes partitions, or a table is locked, for too long."""


async def maintain(url: str, tables: Iterable[PartitionedTable], now: datetime) -> None:
    """Make the partitions of tables that are missing, and remove those kept for long enough.

    url: the owner's address. now: the real time. Rows of another time, such as a sandbox's, get
    their partition once there are any. Raises: PartitionsBusy.
    """
    connection = await asyncpg.connect(to_plain_url(url), server_settings=SETTINGS)
    try:
        await _wait_for_turn(connection)
        for table in tables:
            await _make_missing(connection, table, now.date())
            await _remove_old(connection, table, now.date())
    finally:
        await connection.close()


async def list_partitions(connection: Connection, table: PartitionedTable) -> list[Partition]:
    """Return the attached partitions of a table, the default one excepted, in their order."""
    return read_partitions(table, [(*row,) for row in await connection.fetch(LIST, table.name)])


async def _wait_for_turn(connection: Connection) -> None:
    # It polls, because a waiting statement holds a snapshot: perisai_kit/db/migrations/run.py.
    deadline = time.monotonic() + TURN_WITHIN_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1, 0)", Lock.MIGRATION):
        if time.monotonic() > deadline:
            raise PartitionsBusy("another process migrates this database and does not end")
        await asyncio.sleep(PAUSE_S)


async def _make_missing(connection: Connection, table: PartitionedTable, today: date) -> None:
    attached = await list_partitions(connection, table)
    wanted = {table.shift(table.start_of(today), count) for count in range(table.ahead + 1)}
    without = set(await _list_starts_in_default(connection, table))
    for start in sorted(wanted | without):
        if not any((each.low or start) <= start < each.high for each in attached):
            is_in_use = start in without or start <= today
            await _make(connection, table, start, is_in_use=is_in_use)


async def _list_starts_in_default(connection: Connection, table: PartitionedTable) -> list[date]:
    """Return the ranges of the rows in the default partition."""
    statement = f"""
        SELECT DISTINCT start FROM (SELECT {table.start_expression} AS start
                                    FROM {table.default_name}) AS kept
        WHERE start BETWEEN '2000-01-01' AND '2100-01-01' ORDER BY start LIMIT {MOVED_AT_ONCE}
    """  # noqa: S608 - declared names
    return [start for (start,) in await connection.fetch(statement)]


async def _make(
    connection: Connection, table: PartitionedTable, start: date, *, is_in_use: bool
) -> None:
    """Make one partition. One in use gets its rows from the default one.

    They are copied before others are kept out, who then wait only for the rows that came since: no
    table in partitions has rows that change. The table is locked before the default partition,
    because a row on its way there would be refused as soon as it belongs elsewhere.
    """
    name, parent, default = table.partition_name(start), table.name, table.default_name
    condition = table.condition(start)
    low, high = (table.format_bound(each) for each in (start, table.shift(start, 1)))
    # An attempt that was killed may have left it behind. An attached one cannot be meant: its
    # range would not be missing.
    create = (
        f"DROP TABLE IF EXISTS {name}",
        f"CREATE TABLE {name} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY)",
        # Spares ATTACH a look at each row.
        f"ALTER TABLE {name} ADD CONSTRAINT bounds CHECK ({condition})",
    )
    copy = f"INSERT INTO {name} SELECT * FROM {default} WHERE {condition} ON CONFLICT DO NOTHING"  # noqa: S608 - declared names
    move = (
        f"LOCK TABLE ONLY {parent} IN SHARE ROW EXCLUSIVE MODE",
        f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE",
        copy,
        f"DELETE FROM {default} WHERE {condition}",  # noqa: S608 - declared names
    )
    attach = (
        f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')",
        f"ALTER TABLE {name} DROP CONSTRAINT bounds",
    )
    if is_in_use:
        await _execute(connection, *create, copy)
        await _execute(connection, *move, *attach)
    else:
        await _execute(connection, *create, *attach)
    log.info("partition.created", partition=name, in_use=is_in_use)


async def _remove_old(connection: Connection, table: PartitionedTable, today: date) -> None:
    if table.kept is None:
        return
    oldest_kept = table.shift(table.start_of(today), -table.kept)
    for partition in await list_partitions(connection, table):
        if partition.high <= oldest_kept:
            await _remove(connection, table, partition)


async def _remove(connection: Connection, table: PartitionedTable, partition: Partition) -> None:
    # CONCURRENTLY is not to be had beside a default partition.
    detach = f"ALTER TABLE {table.name} DETACH PARTITION {partition.name}"
    if table.removal is Removal.DROP:
        await _execute(connection, detach, f"DROP TABLE {partition.name}")
        log.info("partition.dropped", partition=partition.name)
        return
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {DETACHED}")
    await _execute(connection, detach, f"ALTER TABLE {partition.name} SET SCHEMA {DETACHED}")
    log.info("partition.detached", partition=partition.name)


async def _execute(connection: Connection, *statements: str) -> None:
    """Execute statements in one transaction, again while they do not get their locks.

    Raises: PartitionsBusy.
    """
    for _ in range(ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                for statement in statements:
                    await connection.execute(statement)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(PAUSE_S)
        else:
            return
    raise PartitionsBusy(f"a lock was not to be had for {statements[-1]!r}")
