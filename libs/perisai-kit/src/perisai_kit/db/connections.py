"""Engines: how a process connects to PostgreSQL, directly or through a pool.

A pooled connection is checked before it is used, as a rule without asking the server. SQLAlchemy's
own check (`pool_pre_ping`) sends three commands before each transaction. The driver knows at once
when a server closes a connection; only one that was idle for long may have been lost on the way
without a word.
"""

import time
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

KEYRING_ATTRIBUTE = "perisai_keyring"
"""The attribute of the dialect with the key ring: a column type sees no other object of an
engine."""

SERVER_SETTINGS = {"application_name": "perisai", "timezone": "UTC"}
DIRECT_SETTINGS = {
    **SERVER_SETTINGS,
    "application_name": "perisai-direct",
    # Their plans last as they do: one made while a table was small would go on reading it whole.
    "enable_seqscan": "off",
}

STATEMENTS = 2_000
"""More than a service has. With SQLAlchemy's 500 the rarer ones are compiled anew each time."""
PREPARED = 500
"""Statements that a connection keeps prepared. With SQLAlchemy's 100 a worker and the requests
beside it may drop each other's, which the server then parses and plans anew."""

PING_AFTER_S = 30.0
_USED_AT = "perisai_used_at"
"""The key in a connection's record: when it was given back, on the monotonic clock."""

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


UNPOOLED: dict[str, Any] = {
    "prepared_statement_cache_size": PREPARED,
    "server_settings": SERVER_SETTINGS,
}


def to_asyncpg_url(url: str) -> str:
    """Return a PostgreSQL URL for the async engine."""
    return _with_driver(url, "postgresql+asyncpg")


def to_plain_url(url: str) -> str:
    """Return a PostgreSQL URL for a connection without the engine."""
    return _with_driver(url, "postgresql")


def _with_driver(url: str, name: str) -> str:
    return make_url(url).set(drivername=name).render_as_string(hide_password=False)


def make_engine(url: str, *, pool_size: int, pooled: bool, keyring: object | None) -> AsyncEngine:
    """Return the engine of short transactions. No connection is opened yet.

    pooled: whether `url` is that of PgBouncer or similar, in transaction mode.
    """
    engine = create_async_engine(
        to_asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,  # the connection used last has most statements prepared
        query_cache_size=STATEMENTS,
        hide_parameters=True,  # error texts must not contain personal data
        connect_args=POOLED if pooled else UNPOOLED,
    )
    # The first request after a restart of PostgreSQL must not fail.
    check_connections(engine)
    setattr(engine.sync_engine.dialect, KEYRING_ATTRIBUTE, keyring)
    return engine


def make_direct_engine(url: str) -> AsyncEngine:
    """Return the engine of connections held for long, which take none from the pool of requests."""
    return create_async_engine(
        to_asyncpg_url(url),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"server_settings": DIRECT_SETTINGS},
    )


def check_connections(engine: AsyncEngine, *, ping_after_s: float = PING_AFTER_S) -> None:
    """Replace closed connections of a pool before they are used.

    ping_after_s: how long a connection may be idle and still be used without a ping.
    """
    dialect = engine.sync_engine.dialect

    def check(dbapi_connection: Any, record: Any, _: object) -> None:
        if dbapi_connection.driver_connection.is_closed():
            raise DisconnectionError
        used_at = record.info.get(_USED_AT)
        if used_at is not None and time.monotonic() - used_at >= ping_after_s:
            try:
                dialect.do_ping(dbapi_connection)
            except Exception as error:
                raise DisconnectionError from error

    def record_use(dbapi_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    event.listen(engine.sync_engine, "checkout", check)
    event.listen(engine.sync_engine, "checkin", record_use)
