"""A transaction that is stuck is ended, what it held is free, and the service goes on."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from perisai_kit.db.engine import Database, allow_minutes
from perisai_kit.db.outage import is_outage
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

LIMIT_S = 2
ADD = "INSERT INTO subscriptions VALUES ('feed', 0, NULL, now())"
MOVE = "UPDATE subscriptions SET position = position + 1"
POSITION = "SELECT position FROM subscriptions"


@pytest.fixture
async def limited(kit_urls: Urls, keyring: Keyring) -> AsyncIterator[Database]:
    """A database whose transactions are ended after two seconds."""
    app = await asyncpg.connect(kit_urls.app)
    await app.execute(ADD)
    await app.execute(
        f"ALTER ROLE kit_app IN DATABASE {kit_urls.name} SET transaction_timeout = '{LIMIT_S}s'"
    )
    await app.close()
    database = Database(kit_urls.app, keyring=keyring, pool_size=2)
    yield database
    await database.dispose()


async def test_what_a_stuck_transaction_held_is_free_and_the_next_one_works(
    limited: Database,
) -> None:
    is_held = asyncio.Event()

    async def get_stuck() -> None:
        async with limited.begin() as session:
            await session.execute(text(MOVE))
            is_held.set()
            await asyncio.sleep(LIMIT_S + 2)
            await session.execute(text(POSITION))

    stuck = asyncio.create_task(get_stuck())
    await is_held.wait()
    async with asyncio.timeout(30), limited.begin() as session:
        await session.execute(text("SET LOCAL transaction_timeout = 0"))
        await session.execute(text(MOVE))
    with pytest.raises(DBAPIError):
        await stuck
    async with limited.begin() as session:
        position = await session.scalar(text(POSITION))

    assert position == 1  # only the second one's


async def test_work_that_always_takes_too_long_is_an_error_and_no_outage(
    limited: Database,
) -> None:
    with pytest.raises(DBAPIError) as error:
        async with limited.begin() as session:
            await session.execute(text("SELECT pg_sleep(30)"))

    assert not is_outage(error.value)
    async with limited.read() as session:
        assert await session.scalar(text(POSITION)) == 0


async def test_work_that_says_so_may_take_longer(limited: Database) -> None:
    async with limited.begin() as session:
        await allow_minutes(session, 1)
        await session.execute(text(f"SELECT pg_sleep({LIMIT_S + 1})"))
        await session.execute(text(MOVE))
        left = await session.scalar(text("SHOW transaction_timeout"))
    async with limited.read() as session:
        after = await session.scalar(text("SHOW transaction_timeout"))

    assert (left, after) == ("1min", f"{LIMIT_S}s")


async def test_an_export_may_take_as_long_as_a_client_reads(kit_database: Database) -> None:
    async with kit_database.read_for_export() as session:
        limit = await session.scalar(text("SHOW transaction_timeout"))

    assert limit == "1h"
