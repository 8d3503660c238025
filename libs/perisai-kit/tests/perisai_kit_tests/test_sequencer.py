"""One sequencer is at work, whatever happens to processes, connections and the server."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from perisai_kit_tests.branches import opened, publish_now, read
from sqlalchemy import text

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import Lock, autocommit_connection, try_lock
from perisai_kit.events.outbox import publish
from perisai_kit.events.sequencer import BATCH, Floor, number_events
from perisai_kit.events.signals import Signals
from perisai_kit.testing.feeds import run_sequencer
from sandbox.postgres import Postgres


def create_kit_database(owner_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, "head").result()


async def test_one_sequencer_leads_and_the_next_takes_over(kit_database: Database) -> None:
    first, second = Signals(), Signals()
    async with run_sequencer(kit_database, second):
        async with run_sequencer(kit_database, first):
            await publish_now(kit_database, "B1")
            assert await read(kit_database, timeout_s=10) == [(1, "B1")]
            assert [first.is_leading, second.is_leading].count(True) == 1

        await publish_now(kit_database, "B2")

        assert await read(kit_database, 1, timeout_s=10) == [(2, "B2")]


async def test_a_sequencer_begins_again_after_its_connection_is_cut(kit_database: Database) -> None:
    async with run_sequencer(kit_database):
        await publish_now(kit_database, "B1")
        await read(kit_database, timeout_s=10)
        async with kit_database.begin() as session:
            cut = await session.scalar(
                text(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_locks"
                    " WHERE locktype = 'advisory' AND classid = 7001"
                    " AND database = (SELECT oid FROM pg_database"
                    "                 WHERE datname = current_database())"
                )
            )

        await publish_now(kit_database, "B2")
        seen = await read(kit_database, 1, timeout_s=20)

    assert cut == 1
    assert seen == [(2, "B2")]


async def test_a_restart_of_postgresql_only_delays(
    tmp_path: Path, with_cluster: Callable[[Path], Path]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Postgres(with_cluster(tmp_path), port=port, fsync=False) as server:
        server.ensure_database("kit")
        create_kit_database(server.url("kit", "owner"))
        database = Database(server.url("kit"))
        async with run_sequencer(database):
            await publish_now(database, "B1")
            before = await read(database, timeout_s=10)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await publish_now(database, "B2")
            after = await read(database, 1, timeout_s=20)
        await database.dispose()

    assert (before, after) == ([(1, "B1")], [(2, "B2")])


async def test_a_batch_is_bounded(kit_database: Database) -> None:
    await publish_now(kit_database, *(f"B{index}" for index in range(25)))

    async with autocommit_connection(kit_database.direct_engine) as connection:
        assert await try_lock(connection, Lock.SEQUENCER)
        found = [await number_events(connection, batch=10) for _ in range(4)]

    assert [count for count, _ in found] == [10, 10, 5, 0]


async def test_above_the_floor_nothing_waits_longer_and_a_full_scan_finds_the_rest(
    kit_database: Database,
) -> None:
    await publish_now(kit_database, "B1", "B2", "B3")

    async with autocommit_connection(kit_database.direct_engine) as connection:
        assert await try_lock(connection, Lock.SEQUENCER)
        above = await number_events(connection, floor=2)
        whole = await number_events(connection)

    assert (above, whole) == ((1, 3), (2, 2))
    assert await read(kit_database) == [(1, "B3"), (2, "B1"), (3, "B2")]


async def test_a_transaction_older_than_the_floor_is_numbered_by_a_later_full_scan(
    kit_database: Database,
) -> None:
    floor = Floor(full_scan_every_s=0.2)
    async with kit_database.begin() as slow:
        await publish(slow, opened("slow"))
        async with autocommit_connection(kit_database.direct_engine) as connection:
            assert await try_lock(connection, Lock.SEQUENCER)
            for code in ("B1", "B2", "B3"):
                await publish_now(kit_database, code)
                floor.record_scan(*await number_events(connection, floor=floor.next_start()))
                await asyncio.sleep(0.25)

            await slow.commit()
            async with asyncio.timeout(30):
                while len(seen := await read(kit_database)) < 4:
                    floor.record_scan(*await number_events(connection, floor=floor.next_start()))
                    await asyncio.sleep(0.01)

    assert seen == [(1, "B1"), (2, "B2"), (3, "B3"), (4, "slow")]


def test_the_floor_waits_until_a_full_scan_finds_no_more() -> None:
    floor = Floor(full_scan_every_s=0)

    floors = []
    for count, highest in [(BATCH, 1000), (BATCH, 2000), (5, 2005), (1, 3000), (0, 0)]:
        floor.next_start()
        floor.record_scan(count, highest)
        floors.append(floor.floor)

    assert floors == [0, 0, 0, 2005, 3000]


def test_the_floor_rises_to_what_was_numbered_a_full_scan_ago() -> None:
    floor = Floor(full_scan_every_s=0)
    for highest in (10, 20):
        floor.next_start()
        floor.record_scan(1, highest)

    assert floor.floor == 10
