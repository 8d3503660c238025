"""PostgreSQL: the engine, with writing and reading sessions.

Only this module commits. A writing route gets its session from `TransactionRoute`, a reading route
from `ReadSession`, and a task from `async with database.begin() as session`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from functools import partial
from typing import Self, TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from perisai_kit.db.connections import make_direct_engine, make_engine
from perisai_kit.db.replica import WRITTEN, Replica
from perisai_kit.runtime.settings import ServiceSettings

PUBLISHED = "published"
"""The key in `session.info` of a transaction that wrote events."""

EXPORT_MINUTES = 60
"""A journal of a year, or a month of payments over a slow line. Our own choice."""

Guard: TypeAlias = Callable[[AsyncSession], Awaitable[None]]


async def allow_minutes(session: AsyncSession, minutes: int) -> None:
    """Let this transaction take so long from now on; that of a service may take a minute.

    The role of a service has a `transaction_timeout`, so that nothing that is stuck holds its locks
    and keeps VACUUM from its rows. Changed inside a transaction, PostgreSQL only starts the clock
    again after it was stopped.
    """
    await session.execute(text("SET LOCAL transaction_timeout = 0"))
    await session.execute(text(f"SET LOCAL transaction_timeout = '{int(minutes)}min'"))


async def use_indexes(session: AsyncSession) -> None:
    """Let this transaction find rows by an index wherever there is one.

    For statements that look up by keys, however many. A plan made while a table was small reads it
    from end to end, and stays until PostgreSQL has analysed the table: in the first minutes of a
    partition or a service that is the cost of every page of events. A plan that the connection has
    kept from another transaction stays as it is.
    """
    await session.execute(text("SET LOCAL enable_seqscan = off"))


class Database:
    """The database of one service.

    `begin()` gives a session that commits at the end of the block and rolls back on an exception.
    `read()` gives a session in which PostgreSQL refuses every write. `read_replica()` is one on a
    standby, if there is one.
    """

    def __init__(
        self,
        url: str,
        *,
        keyring: object | None = None,
        pool_size: int = 10,
        pooled: bool = False,
        direct_url: str | None = None,
        read_url: str | None = None,
    ) -> None:
        """Make the engines. No connection is opened yet.

        pooled: whether `url` is that of PgBouncer or similar, in transaction mode. direct_url:
        PostgreSQL's own address, for advisory locks and notifications; required with a pool,
        otherwise `url`. read_url: a standby, for `read_replica`; pooled as `url` is.
        """
        assert direct_url is not None or not pooled
        make = partial(make_engine, pool_size=pool_size, pooled=pooled, keyring=keyring)
        self.engine = make(url)
        self.direct_engine = make_direct_engine(direct_url or url)
        self.replica = Replica(make(read_url)) if read_url is not None else None
        self._read_engine = self.engine.execution_options(postgresql_readonly=True)
        self._snapshot_engine = self._read_engine.execution_options(
            isolation_level="REPEATABLE READ"
        )
        self._connection: AsyncConnection | None = None
        self._guard: Guard | None = None
        self.after_publish: Callable[[], None] = lambda: None

    @classmethod
    def from_settings(cls, settings: ServiceSettings, *, keyring: object | None = None) -> Self:
        """Return the database that the settings name. No connection is opened yet."""
        direct, read = settings.direct_database_url, settings.read_database_url
        return cls(
            settings.database_url.get_secret_value(),
            keyring=keyring,
            pool_size=settings.database_pool_size,
            pooled=settings.database_pooled,
            direct_url=None if direct is None else direct.get_secret_value(),
            read_url=None if read is None else read.get_secret_value(),
        )

    @classmethod
    def joined(cls, database: "Database", connection: AsyncConnection) -> Self:
        """Return a database with a savepoint of `connection` for each transaction (tests)."""
        joined = cls.__new__(cls)
        joined.engine = database.engine
        joined.direct_engine = database.direct_engine
        joined.replica = None
        joined._read_engine = database._read_engine
        joined._snapshot_engine = database._snapshot_engine
        joined._connection = connection
        joined._guard = database._guard
        joined.after_publish = lambda: None
        return joined

    def with_guard(self, guard: Guard) -> Self:
        """Return the same database with `guard` at the start of every writing transaction.

        An exception of the guard rolls the transaction back.
        """
        guarded = copy(self)
        guarded._guard = guard
        return guarded

    @property
    def is_joined(self) -> bool:
        """Whether every transaction is a savepoint of one connection (tests)."""
        return self._connection is not None

    def _session(self, engine: AsyncEngine) -> AsyncSession:
        if self._connection is None:
            return AsyncSession(engine, expire_on_commit=False)
        return AsyncSession(
            self._connection,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a writing transaction."""
        async with self._session(self.engine) as session:
            if self._guard is not None:
                await self._guard(session)
            yield session
            await session.commit()
            if session.info.get(PUBLISHED):
                self.after_publish()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a reading transaction."""
        async with self._session(self._read_engine) as session:
            yield session

    @asynccontextmanager
    async def read_snapshot(self) -> AsyncIterator[AsyncSession]:
        """Open a reading transaction whose queries all see the same instant.

        For results that compare what several queries read. It takes no locks.
        """
        async with self._session(self._snapshot_engine) as session:
            yield session

    @asynccontextmanager
    async def read_replica(self) -> AsyncIterator[AsyncSession]:
        """Open a reading transaction on the replica if it shows all that is committed by now.

        Otherwise it is one on the primary, as without a replica. So a client reads what it has
        written, whatever the lag. Not for work that decides by what it read: feeds, cursors of
        subscriptions, sign-ins, closing a month.
        """
        session = await self._find_replica_session()
        async with self.read() if session is None else session as found:
            yield found

    @asynccontextmanager
    async def read_for_export(self) -> AsyncIterator[AsyncSession]:
        """Open a reading transaction for a file that a client reads at its own pace.

        As `read_replica`, for 60 minutes instead of one.
        """
        async with self.read_replica() as session:
            await allow_minutes(session, EXPORT_MINUTES)
            yield session

    async def _find_replica_session(self) -> AsyncSession | None:
        if self.replica is None or not self.replica.is_worth_asking():
            return None
        async with self.read() as primary:
            position = await primary.scalar(WRITTEN)
        return await self.replica.open(str(position))

    async def is_answering(self) -> bool:
        """Tell whether the database answers now."""
        try:
            async with self.read() as session:
                await session.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - any failure means no answer
            return False
        return True

    async def dispose(self) -> None:
        """Close every connection, except that of a joined database."""
        if not self.is_joined:
            await self.engine.dispose()
            await self.direct_engine.dispose()
            if self.replica is not None:
                await self.replica.engine.dispose()
