"""Positions in a table of their own, beside processes of the version before."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from perisai_kit_tests.branches import publish_now, read
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import Lock, autocommit_connection, try_lock
from perisai_kit.testing.feeds import run_sequencer
from perisai_kit.testing.plugin import Databases

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
"""How a sequencer of the version before gives positions."""
POSITIONS_BEFORE = "SELECT position FROM events WHERE position > 0 ORDER BY position"
MAY_UPDATE = "SELECT has_any_column_privilege('events', 'UPDATE')"


@dataclass
class Older:
    """A database of the version before, with three events, one of them without a position."""

    database: Database
    config: Config

    async def migrate(self) -> None:
        await asyncio.to_thread(upgrade, self.config, "head")

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
    yield Older(database, config)
    await database.dispose()
    databases.drop(urls)


async def test_positions_and_cursors_of_before_keep_their_meaning(older: Older) -> None:
    await older.migrate()

    async with run_sequencer(older.database):
        rest = await read(older.database, 2, timeout_s=10)
        await publish_now(older.database, "B4")
        new = await read(older.database, 3, timeout_s=10)

    assert rest == [(3, "B3")]
    assert new == [(4, "B4")]
    assert await read(older.database, 1) == [(2, "B2"), (3, "B3"), (4, "B4")]


async def test_new_readers_follow_a_sequencer_of_the_version_before(older: Older) -> None:
    await older.migrate()

    async with autocommit_connection(older.database.direct_engine) as leader:
        assert await try_lock(leader, Lock.SEQUENCER)
        async with run_sequencer(older.database):
            await leader.scalar(NUMBER_BEFORE)
            seen = await read(older.database, 2, timeout_s=20)

    assert seen == [(3, "B3")]
    assert await older.ask(MAY_UPDATE) == [True]


async def test_the_version_before_numbers_nothing_once_a_new_sequencer_has_led(
    older: Older,
) -> None:
    await older.migrate()
    async with run_sequencer(older.database):
        await read(older.database, 2, timeout_s=10)

    await publish_now(older.database, "B4")
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with older.database.begin() as session:
            await session.scalar(NUMBER_BEFORE)

    assert await older.ask(MAY_UPDATE) == [False]
    assert await older.ask(POSITIONS_BEFORE) == [1, 2]
    async with run_sequencer(older.database):
        assert await read(older.database, 3, timeout_s=10) == [(4, "B4")]
