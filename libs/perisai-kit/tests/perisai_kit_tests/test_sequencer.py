"""One sequencer is at work, whatever happens to processes, connections and the server."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from perisai_kit_tests.branches import opened, publish_now, read
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import autocommit_connection
from perisai_kit.events.outbox import publish
from perisai_kit.events.positions import NO_GAPS, Numbered, number_events
from perisai_kit.events.sequencer import Gaps
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


async def test_an_event_of_a_process_that_ended_before_its_signal_is_numbered(
    kit_database: Database,
) -> None:
    async with run_sequencer(kit_database):
        await publish_now(kit_database, "B1")
        await read(kit_database, timeout_s=10)
        kit_database.after_publish = lambda: None

        await publish_now(kit_database, "B2")

        assert await read(kit_database, 1, timeout_s=30) == [(2, "B2")]


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
        found = [await number_events(connection, batch=10) for _ in range(4)]

    assert [each.count for each in found] == [10, 10, 5, 0]
    assert {each.gaps for each in found} == {NO_GAPS}


async def test_a_late_commit_is_numbered_at_once_and_its_gap_is_closed(
    kit_database: Database,
) -> None:
    async with (
        autocommit_connection(kit_database.direct_engine) as connection,
        kit_database.begin() as slow,
    ):
        await publish(slow, opened("slow1"), opened("slow2"))
        await publish_now(kit_database, "B1")
        early = await number_events(connection)
        await publish(slow, opened("slow3"))
        await publish_now(kit_database, "B2")
        later = await number_events(connection)
        await slow.commit()
        late = await number_events(connection)

    assert (early, later) == (Numbered(1, "{[1,3)}"), Numbered(1, "{[1,3),[4,5)}"))
    assert late == Numbered(3, "{}")
    numbered = ["B1", "B2", "slow1", "slow2", "slow3"]
    assert await read(kit_database) == list(enumerate(numbered, start=1))


async def test_a_gap_is_kept_while_its_transaction_is_open_and_dropped_after_a_rollback(
    kit_database: Database,
) -> None:
    gaps = Gaps(check_every_s=0)
    async with autocommit_connection(kit_database.direct_engine) as connection:
        async with kit_database.begin() as slow:
            await publish(slow, opened("lost"))
            before = [await number(kit_database, connection, gaps, code) for code in "123"]
            await slow.rollback()
        after = [await number(kit_database, connection, gaps, code) for code in "45"]

    assert [each.gaps for each in before] == ["{[1,2)}"] * 3
    assert [each.gaps for each in after] == [NO_GAPS] * 2
    assert len(await read(kit_database)) == 5


async def number(
    database: Database, connection: AsyncConnection, gaps: Gaps, code: str
) -> Numbered:
    """Do what a sequencer does after this event was published."""
    await publish_now(database, code)
    await gaps.check(connection)
    numbered = await number_events(connection, ended=gaps.ended)
    gaps.record(numbered)
    return numbered


async def test_a_transaction_that_commits_between_the_check_and_the_numbering_is_not_lost(
    kit_database: Database,
) -> None:
    gaps = Gaps(check_every_s=0)
    async with autocommit_connection(kit_database.direct_engine) as connection:
        async with kit_database.begin() as slow:
            await publish(slow, opened("slow"))
            await number(kit_database, connection, gaps, "B1")
            await gaps.check(connection)
        await gaps.check(connection)
        ended = gaps.ended
        await number(kit_database, connection, gaps, "B2")

    assert ended == "{[1,2)}"
    assert await read(kit_database) == [(1, "B1"), (2, "slow"), (3, "B2")]


@pytest.mark.parametrize("takes_over", [False, True])
async def test_the_next_sequencer_knows_the_gaps_of_the_one_before(
    kit_database: Database, takes_over: bool
) -> None:
    async with kit_database.begin() as slow:
        await publish(slow, opened("slow"))
        await publish_now(kit_database, "B1")
        async with run_sequencer(kit_database):
            await read(kit_database, timeout_s=10)
        if takes_over:
            await publish_now(kit_database, "B2")
        await slow.commit()

    async with run_sequencer(kit_database):
        seen = await read(kit_database, 1, timeout_s=10)

    assert seen == ([(2, "slow"), (3, "B2")] if takes_over else [(2, "slow")])


READ = """
    SELECT sum(idx_tup_read + idx_tup_fetch) FROM pg_stat_user_indexes
    WHERE relname IN ('events', 'event_positions')"""


async def test_an_old_snapshot_makes_the_sequencer_read_no_more(kit_database: Database) -> None:
    totals = []
    async with (
        autocommit_connection(kit_database.direct_engine) as connection,
        kit_database.read() as old,
    ):
        await old.execute(text("SELECT count(*) FROM events"))
        for _ in range(4):
            for _ in range(20):
                await publish_now(kit_database, *("B" for _ in range(25)))
                await number_events(connection)
            await connection.execute(text("SELECT pg_stat_force_next_flush()"))
            totals.append(int(await connection.scalar(text(READ))))

    _, second, third, fourth = totals
    assert third > second
    assert fourth - third <= 1.1 * (third - second)
