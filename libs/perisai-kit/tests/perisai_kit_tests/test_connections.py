"""A transaction begins on a connection that works, without a question to the server each time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from perisai_kit.db.connections import check_connections, to_asyncpg_url
from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import Urls


def engine_of(urls: Urls, *, ping_after_s: float) -> AsyncEngine:
    engine = create_async_engine(to_asyncpg_url(urls.app), pool_size=1, max_overflow=0)
    check_connections(engine, ping_after_s=ping_after_s)
    return engine


@pytest.fixture(params=[0.0, 3600.0], ids=["idle for long", "just used"])
async def engine(kit_urls: Urls, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    engine = engine_of(kit_urls, ping_after_s=request.param)
    yield engine
    await engine.dispose()


async def ask(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)


async def driver_of(engine: AsyncEngine) -> Any:
    """Return the driver's own connection, which is given back to the pool."""
    async with engine.connect() as connection:
        return (await connection.get_raw_connection()).driver_connection


async def test_a_connection_that_the_server_has_closed_is_replaced(
    engine: AsyncEngine, kit_urls: Urls
) -> None:
    pid = await ask(engine)
    ended = asyncio.Event()
    (await driver_of(engine)).add_termination_listener(lambda _: ended.set())
    other = await asyncpg.connect(kit_urls.app)
    try:
        await other.execute("SELECT pg_terminate_backend($1)", pid)
    finally:
        await other.close()
    async with asyncio.timeout(10):
        await ended.wait()

    assert await ask(engine) != pid


@pytest.mark.parametrize(("ping_after_s", "pings"), [(3600.0, 0), (0.0, 3)])
async def test_only_a_connection_that_was_idle_for_long_is_pinged(
    kit_urls: Urls, ping_after_s: float, pings: int
) -> None:
    engine = engine_of(kit_urls, ping_after_s=ping_after_s)
    asked: list[str] = []
    driver = await driver_of(engine)
    driver.add_query_logger(lambda record: asked.append(record.query))

    for _ in range(3):
        await ask(engine)
    await asyncio.sleep(0)
    await engine.dispose()

    assert asked.count(";") == pings


async def test_what_is_held_for_long_finds_rows_by_indexes(kit_database: Database) -> None:
    async with kit_database.direct_engine.connect() as connection:
        assert await connection.scalar(text("SHOW enable_seqscan")) == "off"
