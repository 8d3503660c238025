"""Partitions are made ahead and removed while rows come in, and no row is lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from perisai_kit.db.engine import Database
from perisai_kit.db.partitions.maintain import list_partitions, maintain
from perisai_kit.db.partitions.tables import KIT_TABLES, PartitionedBy, PartitionedTable, Removal
from perisai_kit.db.partitions.watch import measure, read_status
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of, new_id
from perisai_kit.testing.plugin import Urls

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

AUDITS, KEYS = KIT_TABLES
AUDIT = """
    INSERT INTO read_audits (id, at, account_id, roles, request_id, kind, ids)
    VALUES ($1, now(), gen_random_uuid(), '{}', 'r', 'member', '{}')
"""
FILL_KEYS = """
    INSERT INTO idempotency_keys
        (account_id, key, fingerprint, status, headers, body, authority, reads, shows, created_at)
    SELECT gen_random_uuid(), $1 || n, '\\x01', 200, '{}', '\\x02', '\\x03', '[]', '{}', $2
    FROM generate_series(1, $3::int) AS n
"""


@pytest.fixture
async def owner(kit_urls: Urls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(kit_urls.owner, server_settings={"timezone": "UTC"})
    yield connection
    await connection.close()


async def list_names(owner: Connection, table: PartitionedTable) -> list[str]:
    return [each.name for each in await list_partitions(owner, table)]


def id_at(at: datetime) -> UUID:
    return UUID(int=lowest_id_of(at).int | new_id().int & ((1 << 80) - 1))


async def add_audits(owner: Connection, instants: Sequence[datetime]) -> None:
    await owner.executemany(AUDIT, [(id_at(each),) for each in instants])


@given(
    st.sampled_from(PartitionedBy),
    st.dates(date(2001, 1, 1), date(2090, 1, 1)),
    st.integers(-40, 40),
)
def test_ranges_follow_each_other_without_a_gap(by: PartitionedBy, day: date, count: int) -> None:
    table = PartitionedTable("t", "c", by, ahead=1, kept=None)
    start = table.start_of(day)

    assert start <= day < table.shift(start, 1)
    assert table.shift(table.shift(start, count), -count) == start
    assert table.parse_bound(table.format_bound(start)) == start


def test_the_lowest_id_of_an_instant_divides_ids_by_their_time() -> None:
    at = clock.real_now()
    first = id_at(at)
    before = id_at(at - timedelta(milliseconds=1))

    assert before < lowest_id_of(at) < first


async def test_partitions_are_made_ahead_once_also_by_two_at_a_time(
    kit_urls: Urls, owner: Connection
) -> None:
    now = datetime(2031, 1, 15, tzinfo=UTC)

    await asyncio.gather(*(maintain(kit_urls.owner, KIT_TABLES, now) for _ in range(2)))
    await maintain(kit_urls.owner, KIT_TABLES, now)

    audits = await list_names(owner, AUDITS)
    assert audits[0].startswith("read_audits_until_")
    assert audits[1:] == [f"read_audits_2031_{month:02}" for month in (1, 2, 3, 4)]
    keys = await list_names(owner, KEYS)
    assert keys == [f"idempotency_keys_2031_01_{day}" for day in range(15, 23)]


async def test_rows_without_a_partition_are_moved_to_theirs_while_more_come(
    kit_urls: Urls, owner: Connection
) -> None:
    instants = [datetime(2035, month, 20, tzinfo=UTC) for month in (3, 5, 5)]
    await add_audits(owner, instants)
    await add_audits(owner, [datetime(2035, 5, 1, tzinfo=UTC)] * 5_000)
    app, added = await asyncpg.connect(kit_urls.app), 0
    done = asyncio.Event()

    async def go_on() -> None:
        nonlocal added
        while not done.is_set():
            await app.execute(AUDIT, id_at(instants[1]))
            added += 1

    going_on = asyncio.create_task(go_on())
    await maintain(kit_urls.owner, KIT_TABLES, clock.real_now())
    before = added
    async with asyncio.timeout(30):
        while added == before:  # noqa: ASYNC110 - the effect is a row
            await asyncio.sleep(0.01)
    done.set()
    await going_on
    await app.close()

    places = "SELECT tableoid::regclass::text, count(*) FROM read_audits GROUP BY 1 ORDER BY 1"
    assert [tuple(row) for row in await owner.fetch(places)] == [
        ("read_audits_2035_03", 1),
        ("read_audits_2035_05", 5_002 + added),
    ]


async def test_an_id_that_tells_no_time_stays_where_it_is_and_stops_nothing(
    kit_urls: Urls, owner: Connection
) -> None:
    await owner.execute(AUDIT, UUID("ffffffff-ffff-4fff-8fff-ffffffffffff"))

    await maintain(kit_urls.owner, KIT_TABLES, clock.real_now())

    assert await owner.fetchval("SELECT count(*) FROM read_audits_default") == 1
    assert len(await list_names(owner, KEYS)) > 3


async def test_rows_without_a_partition_are_counted_until_they_have_one(
    kit_urls: Urls, kit_database: Database, owner: Connection
) -> None:
    await add_audits(owner, [datetime(2035, 3, 20, tzinfo=UTC)] * 3)

    await measure(kit_database, KIT_TABLES)
    missed = await read_status(kit_database, KIT_TABLES)
    alarmed = REGISTRY.get_sample_value("perisai_default_partition_rows", {"table": AUDITS.name})
    await maintain(kit_urls.owner, KIT_TABLES, datetime(2031, 1, 15, tzinfo=UTC))
    moved = await read_status(kit_database, KIT_TABLES)

    assert [each.default_rows for each in missed] == [3, 0]
    assert alarmed == 3
    assert [each.default_rows for each in moved] == [0, 0]
    assert [each.end_on for each in moved] == [date(2035, 4, 1), date(2031, 1, 23)]


async def test_keys_of_many_busy_days_are_dropped_at_once_and_those_of_a_day_kept(
    kit_urls: Urls, owner: Connection
) -> None:
    now = datetime(2031, 1, 15, 12, tzinfo=UTC)
    await maintain(kit_urls.owner, KIT_TABLES, now - timedelta(days=4))
    for hours, count in ((80, 25_000), (49, 25_000), (23, 7)):
        await owner.execute(FILL_KEYS, "key", now - timedelta(hours=hours), count)

    await maintain(kit_urls.owner, KIT_TABLES, now)

    assert await owner.fetchval("SELECT count(*) FROM idempotency_keys") == 7
    assert (await list_names(owner, KEYS))[0] == "idempotency_keys_2031_01_14"


async def test_what_is_to_be_archived_is_detached_and_hidden_from_the_service(
    kit_urls: Urls, owner: Connection
) -> None:
    archived = replace(AUDITS, kept=13, removal=Removal.ARCHIVE)
    await add_audits(owner, [datetime(2031, 1, 31, tzinfo=UTC)])
    now = datetime(2032, 2, 28, tzinfo=UTC)

    await maintain(kit_urls.owner, [archived], now)
    kept = await owner.fetchval("SELECT count(*) FROM read_audits")
    await maintain(kit_urls.owner, [archived], now + timedelta(days=2))

    assert kept == 1
    assert await owner.fetchval("SELECT count(*) FROM read_audits") == 0
    assert await owner.fetchval("SELECT count(*) FROM detached.read_audits_2031_01") == 1
    readable = "SELECT has_schema_privilege('kit_app', 'detached', 'USAGE')"
    assert not await owner.fetchval(readable)


async def test_a_long_report_delays_the_removal_and_not_those_who_write(
    kit_urls: Urls, owner: Connection
) -> None:
    now = datetime(2031, 1, 15, tzinfo=UTC)
    await owner.execute(FILL_KEYS, "old", now - timedelta(days=5), 3)
    report, app = await asyncpg.connect(kit_urls.app), await asyncpg.connect(kit_urls.app)
    reading = report.transaction()
    await reading.start()
    await report.fetchval("SELECT count(*) FROM idempotency_keys")

    removing = asyncio.create_task(maintain(kit_urls.owner, KIT_TABLES, now))
    waited = 0
    async with asyncio.timeout(60):
        while waited < 3:
            waited += bool(await owner.fetchval(WAITS_FOR_A_LOCK))
            await app.execute(FILL_KEYS, f"new{waited}-", now, 1, timeout=2)
    assert not removing.done()
    await reading.rollback()
    await removing

    assert await owner.fetchval("SELECT count(*) FROM idempotency_keys WHERE key ~ 'old'") == 0
    await report.close()
    await app.close()


WAITS_FOR_A_LOCK = """
    SELECT count(*) FROM pg_stat_activity WHERE application_name = 'perisai-partitions'
        AND datname = current_database() AND wait_event_type = 'Lock'
"""
