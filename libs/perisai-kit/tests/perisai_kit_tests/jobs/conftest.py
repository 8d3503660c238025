"""A queue with a table of effects, each with a unique key of its own."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from perisai_kit.db.engine import Database
from perisai_kit.jobs.queue import Payload
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

CREATE = """
CREATE TABLE effects (key text PRIMARY KEY);
GRANT SELECT, INSERT ON effects TO kit_app
"""
RECORD = text("INSERT INTO effects VALUES (:key) ON CONFLICT DO NOTHING RETURNING key")


async def record(database: Database, payload: Payload) -> None:
    """Have the effect of a job, once however often it runs."""
    async with database.begin() as session:
        await session.execute(RECORD, {"key": payload["key"]})


@pytest.fixture
async def queue_database(kit_urls: Urls, kit_database: Database, keyring: Keyring) -> Database:
    owner = Database(kit_urls.owner, keyring=keyring)
    async with owner.begin() as session:
        for statement in CREATE.split(";"):
            await session.execute(text(statement))
    await owner.dispose()
    return kit_database


@pytest.fixture
def read_effects(queue_database: Database) -> Callable[[], Awaitable[list[str]]]:
    async def read() -> list[str]:
        async with queue_database.read() as session:
            return list(await session.scalars(text("SELECT key FROM effects ORDER BY key")))

    return read
