"""Clean-up is done in short transactions, and what is left over comes soon."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import DateTime, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from perisai_kit.db.bulk import BATCH, OldRows, delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events.signals import Signal
from perisai_kit.http.transaction import IdempotencyRecord
from perisai_kit.services.worker import Periodic, Turn
from perisai_kit.testing.plugin import Urls

A_DAY = 200_000
THINGS = """
    CREATE TABLE things (key text PRIMARY KEY, made_at timestamptz NOT NULL, words text NOT NULL);
    CREATE INDEX ix_things_made_at ON things (made_at);
    GRANT SELECT, DELETE ON things TO kit_app;
"""
FILL = """
    INSERT INTO things
    SELECT $1 || n, $2, repeat('word', 20) FROM generate_series(1, $3::int) AS n
"""


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"

    key: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def old_things() -> OldRows:
    return OldRows(Thing.made_at, clock.real_now() - timedelta(hours=24))


@pytest.fixture
async def owner(kit_urls: Urls) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(kit_urls.owner)
    await connection.execute(THINGS)
    yield connection
    await connection.close()


async def fill(
    owner: "asyncpg.Connection[asyncpg.Record]", count: int, *, hours: int, key: str = "old"
) -> None:
    await owner.execute(FILL, key, clock.real_now() - timedelta(hours=hours), count)


async def count_keys(owner: "asyncpg.Connection[asyncpg.Record]", like: str = "%") -> int:
    counted = "SELECT count(*) FROM things WHERE key LIKE $1"
    return int(await owner.fetchval(counted, like))


async def test_a_days_rows_are_deleted_in_one_turn_and_fresh_ones_kept(
    kit_database: Database, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(owner, A_DAY, hours=30)
    await fill(owner, 500, hours=1, key="fresh")

    more = True
    while more:
        more = await delete_old(kit_database, old_things())

    assert await count_keys(owner) == await count_keys(owner, "fresh%") == 500


async def test_each_batch_is_a_transaction_and_a_turn_ends_when_its_time_is_over(
    kit_database: Database, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(owner, 2 * BATCH + 10, hours=30)
    turns = [await delete_old(kit_database, old_things(), run_s=0) for _ in range(3)]

    assert turns == [True, True, False]
    assert await count_keys(owner) == 0


async def test_a_row_that_somebody_holds_stays_and_delays_only_its_batch(
    kit_database: Database, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(owner, BATCH, hours=40)
    await fill(owner, 1, hours=30, key="held")
    async with owner.transaction():
        await owner.execute("UPDATE things SET made_at = made_at WHERE key = 'held1'")

        deleting = asyncio.create_task(delete_old(kit_database, old_things()))
        async with asyncio.timeout(30):
            while await committed(kit_database) > 1:  # noqa: ASYNC110 - the effect is a row
                await asyncio.sleep(0.02)
        assert not deleting.done()
    await deleting

    assert await count_keys(owner, "old%") == 0


async def committed(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(text("SELECT count(*) FROM things")) or 0)


def test_rows_of_a_table_in_partitions_are_not_deleted_by_their_place() -> None:
    with pytest.raises(AssertionError, match="idempotency_keys has partitions"):
        OldRows(IdempotencyRecord.created_at, clock.real_now())


async def test_a_batch_reads_the_index_and_not_the_table(
    kit_database: Database, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(owner, 20_000, hours=30)
    await owner.execute("ANALYZE things")
    before = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'things'"
    await owner.execute("SELECT pg_stat_force_next_flush()")  # to make an index reads the table
    scans = await owner.fetchval(before)

    await delete_old(kit_database, old_things())
    await kit_database.dispose()  # a closed connection has reported its figures
    await owner.execute("SELECT pg_stat_force_next_flush()")
    await owner.execute("SELECT pg_stat_clear_snapshot()")

    assert await owner.fetchval(before) == scans


async def test_work_with_more_to_do_goes_on_soon(kit_database: Database) -> None:
    turns = 0
    done = asyncio.Event()

    async def work(_: Database) -> bool:
        nonlocal turns
        turns += 1
        if turns == 2:
            done.set()
        return turns == 1

    periodic = Periodic("work", 3600, work)
    first = await Periodic("other", 3600, lambda _: asyncio.sleep(0, True)).run_once(kit_database)
    running = asyncio.create_task(periodic.run_for_ever(kit_database, due=Signal()))
    async with asyncio.timeout(60):
        await done.wait()
    running.cancel()
    await asyncio.wait([running])

    assert first is Turn.PARTIAL
    assert turns == 2
