"""Advisory locks that last as long as a connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Lock(IntEnum):
    """The first number of a lock; idempotency keys use locks with one number."""

    SEQUENCER = 7001
    MIGRATION = 7003


_TAKE = text("SELECT pg_try_advisory_lock(:kind, hashtext(''))")


@asynccontextmanager
async def autocommit_connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection for work that needs its own session; it is closed at the end."""
    connection = await engine.connect()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection
    finally:
        await connection.invalidate()
        await connection.close()


async def try_lock(connection: AsyncConnection, kind: Lock) -> bool:
    """Take the lock for this connection; return False if another connection holds it.

    The lock lasts as long as the connection. A broken connection has lost it, so work that needs
    the lock must use this connection.
    """
    return bool(await connection.scalar(_TAKE, {"kind": int(kind)}))
