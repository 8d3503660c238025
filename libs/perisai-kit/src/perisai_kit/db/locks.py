"""Locks that live as long as a connection: who holds one is the only one at work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Lock(IntEnum):
    """The first half of a lock's number; requests' keys use the other, one-number kind."""

    SEQUENCER = 7001
    MIGRATION = 7003


_TAKE = text("SELECT pg_try_advisory_lock(:kind, hashtext(''))")


@asynccontextmanager
async def advisory_lock(engine: AsyncEngine, kind: Lock) -> AsyncIterator[AsyncConnection | None]:
    """Hold the lock on a connection of its own, in autocommit; None when another holds it.

    The connection is closed at the end, not returned to the pool, and the lock goes with it. A
    connection that breaks has lost the lock: work that only the holder may do runs on it.
    """
    connection = await engine.connect()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        taken = await connection.scalar(_TAKE, {"kind": int(kind)})
        yield connection if taken else None
    finally:
        await connection.invalidate()
        await connection.close()
