"""PostgreSQL: the engine, with writing and reading sessions.

Only this module commits. A writing route gets its session from `TransactionRoute`, a reading route
from `ReadSession`, and a task from `async with database.begin() as session`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from perisai_kit.db.checkout import check_connections
from perisai_kit.runtime.settings import ServiceSettings

KEYRING_ATTRIBUTE = "perisai_keyring"
"""The attribute of the dialect with the key ring: a column type sees no other object of an
engine."""

PUBLISHED = "published"
"""The key in `session.info` of a transaction that wrote events."""

Guard: TypeAlias = Callable[[AsyncSession], Awaitable[None]]


def to_asyncpg_url(url: str) -> str:
    """Return a PostgreSQL URL for the async engine."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


SERVER_SETTINGS = {"application_name": "perisai", "timezone": "UTC"}
DIRECT_SETTINGS = {**SERVER_SETTINGS, "application_name": "perisai-direct"}

if TYPE_CHECKING:
    DriverConnection = asyncpg.Connection[asyncpg.Record]
else:
    DriverConnection = asyncpg.Connection  # the class has no parameter at run time


class _PooledConnection(DriverConnection):
    """A connection to a pool, which may use another server session for each transaction.

    asyncpg reads the description of a type in two steps that must reach the same session.
    """

    async def set_type_codec(self, *args: Any, **kwargs: Any) -> None:
        async with self.transaction():
            await super().set_type_codec(*args, **kwargs)


POOLED: dict[str, Any] = {
    # No statement outlives its transaction, and statements have no names: PgBouncer before 1.21
    # does not support prepared statements.
    "prepared_statement_cache_size": 0,
    "statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
    "connection_class": _PooledConnection,
    "server_settings": SERVER_SETTINGS,
}


class Database:
    """The database of one service.

    `begin()` gives a session that commits at the end of the block and rolls back on an exception.
    `read()` gives a session in which PostgreSQL refuses every write.
    """

    def __init__(
        self,
        url: str,
        *,
        keyring: object | None = None,
        pool_size: int = 10,
        pooled: bool = False,
        direct_url: str | None = None,
    ) -> None:
        """Make the engines. No connection is opened yet.

        pooled: whether `url` is that of PgBouncer or similar, in transaction mode. direct_url:
        PostgreSQL's own address, for advisory locks and notifications; required with a pool,
        otherwise `url`.
        """
        assert direct_url is not None or not pooled
        self.engine: AsyncEngine = create_async_engine(
            to_asyncpg_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,  # error texts must not contain personal data
            connect_args=POOLED if pooled else {"server_settings": SERVER_SETTINGS},
        )
        # The first request after a restart of PostgreSQL must not fail.
        check_connections(self.engine)
        # For connections held for long, which take none from the pool of the requests.
        self.direct_engine: AsyncEngine = create_async_engine(
            to_asyncpg_url(direct_url or url),
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={"server_settings": DIRECT_SETTINGS},
        )
        setattr(self.engine.sync_engine.dialect, KEYRING_ATTRIBUTE, keyring)
        self._read_engine = self.engine.execution_options(postgresql_readonly=True)
        self._connection: AsyncConnection | None = None
        self._guard: Guard | None = None
        self.after_publish: Callable[[], None] = lambda: None

    @classmethod
    def from_settings(cls, settings: ServiceSettings, *, keyring: object | None = None) -> Self:
        """Return the database that the settings name. No connection is opened yet."""
        direct = settings.direct_database_url
        return cls(
            settings.database_url.get_secret_value(),
            keyring=keyring,
            pool_size=settings.database_pool_size,
            pooled=settings.database_pooled,
            direct_url=None if direct is None else direct.get_secret_value(),
        )

    @classmethod
    def joined(cls, database: "Database", connection: AsyncConnection) -> Self:
        """Return a database with a savepoint of `connection` for each transaction (tests)."""
        joined = cls.__new__(cls)
        joined.engine = database.engine
        joined.direct_engine = database.direct_engine
        joined._read_engine = database._read_engine
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

    async def dispose(self) -> None:
        """Close every connection, except that of a joined database."""
        if not self.is_joined:
            await self.engine.dispose()
            await self.direct_engine.dispose()
