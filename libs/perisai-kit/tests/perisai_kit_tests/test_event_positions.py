"""Positions in a table of their own take over from those that stood in the events themselves."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from perisai_kit_tests.branches import publish_now, read
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import autocommit_connection
from perisai_kit.db.migrations.steps import MigrationRefused
from perisai_kit.testing.feeds import run_sequencer
from perisai_kit.testing.plugin import Databases

POSITIONS, COMPLETE, CONTRACTED = "0005", "0009", "0010"
NUMBER_BEFORE = text(
    """
    WITH fresh AS (
        SELECT id, row_number() OVER (ORDER BY seq) AS place
        FROM (
            SELECT id, seq FROM events WHERE position IS NULL AND seq > 0 ORDER BY seq LIMIT 1000
        ) AS next
    ), last AS (
        SELECT coalesce(max(position), 0) AS position FROM events WHERE position IS NOT NULL
    ), numbered AS (
        UPDATE events SET position = last.position + fresh.place
        FROM fresh, last WHERE events.id = fresh.id
        RETURNING events.seq
    )
    SELECT count(*) FROM numbered
    """
)
"""How a sequencer gave positions in the events."""
NUMBER_BESIDE = """
    INSERT INTO event_positions (position, event_id, type, highest, gaps)
    SELECT 3, id, type, seq, int8multirange(int8range(0, seq, '()')) FROM events
    WHERE position IS NULL
"""
"""How the first sequencer with the table of positions began: all below might still come."""
INSERT_LATE = """
    INSERT INTO events (id, type, subject, data, occurred_at)
    SELECT uuidv7(), type, 'late', jsonb_build_object('branch_code', 'late'), now()
    FROM events LIMIT 1
"""


@dataclass
class Older:
    """A database in which the first two of three events have their position in their own row."""

    database: Database
    config: Config
    owner_url: str

    async def migrate(self, revision: str = "head") -> None:
        await asyncio.to_thread(upgrade, self.config, revision)

    async def execute(self, statement: str) -> None:
        owner = await asyncpg.connect(self.owner_url)
        try:
            await owner.execute(statement)
        finally:
            await owner.close()

    async def ask(self, query: str) -> list[object]:
        async with self.database.read() as session:
            return list(await session.scalars(text(query)))


def upgrade(config: Config, revision: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, revision).result()


@pytest.fixture
async def older(databases: Databases) -> AsyncIterator[Older]:
    urls = databases.empty()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", urls.owner.replace("%", "%%"))
    await asyncio.to_thread(upgrade, config, "0003")
    database = Database(urls.app)
    await publish_now(database, "B1", "B2")
    async with autocommit_connection(database.direct_engine) as connection:
        assert await connection.scalar(NUMBER_BEFORE) == 2
    await publish_now(database, "B3")
    yield Older(database, config, urls.owner)
    await database.dispose()
    databases.drop(urls)


@pytest.mark.parametrize("revision", [COMPLETE, CONTRACTED])
async def test_positions_and_cursors_of_before_keep_their_meaning(
    older: Older, revision: str
) -> None:
    await older.migrate(revision)

    async with run_sequencer(older.database):
        rest = await read(older.database, 2, timeout_s=10)
        await publish_now(older.database, "B4")
        new = await read(older.database, 3, timeout_s=10)

    assert rest == [(3, "B3")]
    assert new == [(4, "B4")]
    assert await read(older.database, 1) == [(2, "B2"), (3, "B3"), (4, "B4")]


async def test_events_below_the_first_batch_beside_them_are_not_numbered_again(
    older: Older,
) -> None:
    await older.migrate(POSITIONS)
    await older.execute(NUMBER_BESIDE)

    await older.migrate()

    async with run_sequencer(older.database):
        await publish_now(older.database, "B4")
        assert await read(older.database, 3, timeout_s=10) == [(4, "B4")]
    assert await older.ask("SELECT count(*) FROM event_positions") == [4]


async def test_an_event_that_commits_late_is_numbered_once(older: Older) -> None:
    late = await asyncpg.connect(older.owner_url)
    writing = late.transaction()
    await writing.start()
    await late.execute(INSERT_LATE)
    await publish_now(older.database, "B5")
    async with autocommit_connection(older.database.direct_engine) as connection:
        assert await connection.scalar(NUMBER_BEFORE) == 2
    await older.migrate(POSITIONS)
    completing = asyncio.create_task(older.migrate(COMPLETE))
    # The index is built beside writers and waits for those of before.
    begun = "SELECT 1 FROM pg_class WHERE relname = 'ix_events_seq'"
    while not await older.ask(begun):  # noqa: ASYNC110 - a row
        await asyncio.sleep(0.01)
    await writing.commit()
    await late.close()
    await completing

    async with run_sequencer(older.database):
        seen = await read(older.database, 4, timeout_s=10)
    assert seen == [(5, "late")]
    assert await older.ask("SELECT count(DISTINCT event_id) FROM event_positions") == [5]


async def test_no_process_sets_positions_in_events_any_more(older: Older) -> None:
    await older.migrate(COMPLETE)

    with pytest.raises(ProgrammingError, match="permission denied"):
        async with older.database.begin() as session:
            await session.scalar(NUMBER_BEFORE)

    assert await older.ask("SELECT has_any_column_privilege('events', 'UPDATE')") == [False]


async def test_a_contraction_that_was_interrupted_goes_on_where_it_stopped(older: Older) -> None:
    await older.migrate(COMPLETE)
    reader = await asyncpg.connect(older.owner_url)
    reading = reader.transaction()
    await reading.start()
    await reader.execute("LOCK TABLE idempotency_keys IN ACCESS SHARE MODE")

    with pytest.raises(Exception, match="lock timeout"):
        await older.migrate()
    reached = await older.ask("SELECT version_num FROM alembic_version")
    await reading.rollback()
    await reader.close()
    await older.migrate()

    assert reached == [COMPLETE]
    assert await older.ask("SELECT version_num FROM alembic_version") == [CONTRACTED]


async def test_a_position_that_stands_in_events_alone_is_not_dropped(older: Older) -> None:
    await older.migrate(COMPLETE)
    await older.execute("UPDATE events SET position = 9 WHERE position IS NULL")

    with pytest.raises(MigrationRefused, match="an old sequencer still runs"):
        await older.migrate()

    assert await older.ask("SELECT position FROM events WHERE position = 9") == [9]
