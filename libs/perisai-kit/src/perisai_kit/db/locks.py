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
async def advisory_lock(engine: AsyncEngine, kind: Lock) -> AsyncIterator[AsyncConnection | None]:
    """Hold the lock on its own connection, in autocommit; give None if another process holds it.

    The connection is closed at the end and releases the lock. A broken connection has lost the
    lock, so work that needs the lock must use this connection.
    """
    connection = await engine.connect()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        taken = await connection.scalar(_TAKE, {"kind": int(kind)})
        yield connection if taken else None
    finally:
        await connection.invalidate()
        await connection.close()
