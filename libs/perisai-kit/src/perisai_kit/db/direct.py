"""A connection of the driver's own, held open, for a hot path with statements written out.

Why there is one: docs/adr/0012-group-commit.md. Everything else uses the sessions of
perisai_kit.db.engine.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeAlias

import asyncpg

from perisai_kit.db.connections import DIRECT_SETTINGS
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import Executor, Rows, SqlStatement, make_executor

CONNECT_TIMEOUT_S = 2.0

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Direct:
    """Transactions one after the other on one connection, opened when first needed.

    settings: PostgreSQL's own, for this connection. publishes: whether its transactions publish
    events, whose readers are woken after each.
    """

    def __init__(
        self, database: Database, settings: Mapping[str, str], *, publishes: bool = True
    ) -> None:
        self._database = database
        self._publishes = publishes
        self._settings = {**DIRECT_SETTINGS, **settings}
        self._connection: Connection | None = None
        self._has_begun = False

    @asynccontextmanager
    async def begin(
        self, *, another: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[Executor]:
        """One writing transaction, committed when the block ends.

        One that fails takes its connection with it: PostgreSQL undoes what was not committed, and
        the next transaction begins where nothing is in doubt. Only when the failure is that of the
        connection may the commit have happened nevertheless.
        another: asked at the end, whether the next transaction follows at once; then the commit
        begins it, which saves a way to the server. If none follows after all, call `rest`.
        """
        if self._database.is_joined:
            async with self._database.begin() as session:
                yield make_executor(session)
            return
        connection, has_begun = self._take()
        connection = connection or await self._connect()
        try:
            if not has_begun:
                await connection.execute("BEGIN")
            yield partial(_fetch, connection)
            chained = another()
            ended = await connection.execute("COMMIT AND CHAIN" if chained else "COMMIT")
            assert ended == "COMMIT", "a transaction that failed must not look committed"
        except BaseException:
            connection.terminate()
            raise
        self._connection, self._has_begun = connection, chained
        if self._publishes:
            self._database.after_publish()

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[Executor]:
        """Statements that are each a transaction of their own, committed when it returns its rows.

        That saves the round trips that begin and end a transaction. A failure takes the connection
        with it, as in `begin`; the statements before it stay committed.
        """
        if self._database.is_joined:
            async with self._database.begin() as session:
                yield make_executor(session)
            return
        connection, has_begun = self._take()
        assert not has_begun, "a transaction was begun for others"
        connection = connection or await self._connect()
        try:
            yield partial(_fetch, connection)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    def rest(self) -> None:
        """Let go of a transaction that was begun for another, and of its connection.

        It is as rare as a new connection is dear; and nobody has to wait for an answer.
        """
        if self._has_begun:
            connection, _ = self._take()
            assert connection is not None, "a transaction has its connection"
            connection.terminate()

    async def close(self) -> None:
        """Close the connection; what was not committed is undone."""
        connection, _ = self._take()
        if connection is not None:
            connection.terminate()

    def _take(self) -> "tuple[Connection | None, bool]":
        taken = self._connection, self._has_begun
        self._connection, self._has_begun = None, False
        return taken

    async def _connect(self) -> Connection:
        engine = self._database.direct_engine
        _, options = engine.dialect.create_connect_args(engine.url)
        return await asyncpg.connect(
            **options, timeout=CONNECT_TIMEOUT_S, server_settings=self._settings
        )


async def _fetch(connection: Connection, statement: SqlStatement) -> Rows:
    rows: Rows = await connection.fetch(statement.sql, *statement.args)
    return rows
