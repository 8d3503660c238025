"""Advisory locks that last as long as a connection, and who holds a lock of a table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession


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


# An INSERT locks its table before it takes a number of a sequence, and keeps the lock until its
# rows are visible or gone. So other databases, and transactions that write elsewhere, do not count.
_WRITERS = text(
    """
    SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = CAST(CAST(:table AS text) AS regclass)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
    """
)


async def list_writers(connection: AsyncConnection | AsyncSession, table: str) -> frozenset[str]:
    """Return the other open transactions of this database that write to a table.

    A number that was given before this call belongs to a row that is visible or gone once all of
    them have ended.
    """
    return frozenset(await connection.scalars(_WRITERS, {"table": table}))
