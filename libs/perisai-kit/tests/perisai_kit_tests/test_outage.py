"""An outage is waited out; a fault is the event's own."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from perisai_kit.db.engine import Database
from perisai_kit.db.outage import is_outage
from perisai_kit.domain.errors import Conflict, Unavailable


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(),
        ConnectionRefusedError(),
        TimeoutError(),
        PoolTimeout(),
        asyncpg.CannotConnectNowError("starting"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.DiskFullError("full"),
    ],
)
def test_what_passes_by_itself_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        Conflict(),
        ValueError(),
        asyncpg.DataError("wrong value"),
        asyncpg.UniqueViolationError("twice"),
        asyncpg.QueryCanceledError("too slow"),
    ],
)
def test_what_fails_again_is_none(error: Exception) -> None:
    assert not is_outage(error)


@pytest.mark.parametrize(
    ("statement", "outage"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", True),
        ("DO $$ BEGIN RAISE admin_shutdown; END $$", True),
        ("DO $$ BEGIN RAISE unique_violation; END $$", False),
        ("SELECT 1 / 0", False),
        ("SELECT nothing", False),
    ],
)
async def test_errors_of_the_database_are_distinguished(
    kit_database: Database, statement: str, outage: bool
) -> None:
    async with kit_database.begin() as session:
        with pytest.raises(DBAPIError) as failed:
            await session.execute(text(statement))
        await session.rollback()

    assert is_outage(failed.value) is outage


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    database = Database(f"postgresql://app@127.0.0.1:{port}/nothing")

    async with database.read() as session:
        with pytest.raises(ConnectionRefusedError) as failed:
            await session.execute(text("SELECT 1"))

    assert is_outage(failed.value)
    await database.dispose()
