"""Running of the migrations of one service."""

import asyncio
import os
import time
from collections.abc import Iterator
from functools import partial
from pkgutil import resolve_name
from typing import Any, cast

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from perisai_kit.db.connections import SERVER_SETTINGS, to_asyncpg_url
from perisai_kit.db.locks import Lock
from perisai_kit.db.migrations.steps import LOCK_TIMEOUT, get_app_role

WAIT_S = 3600.0
"""How long a process waits for another one that migrates the same database."""
ASK_EVERY_S = 0.5

_TAKE = text("SELECT pg_try_advisory_lock(:kind, 0)")


class Metadata:
    """The tables of a service by name, imported when Alembic compares them with the database.

    To migrate needs none of them, and to import those of four services takes two seconds.
    """

    def __init__(self, name: str) -> None:
        """name: `module:name` of a MetaData or of a list of them."""
        self._name = name

    def __iter__(self) -> Iterator[MetaData]:
        found: MetaData | list[MetaData] = resolve_name(self._name)
        return iter([found] if isinstance(found, MetaData) else found)


def run_migrations(metadata: str, *, url_variable: str) -> None:
    """Run Alembic for one service, as the role that owns the tables.

    Each migration is one transaction; those before a failing one stay. A migration that does not
    get a table lock within five seconds fails, because all queries would queue behind it. Of
    several processes one migrates and the others wait.

    metadata: the `module:name` of a MetaData or of a list of them, for the commands that compare.
    url_variable: the environment variable with the owner's address; not that of a connection pool.
    """
    url = context.config.get_main_option("sqlalchemy.url") or os.environ.get(url_variable)
    if not url:
        raise SystemExit(f"{url_variable} is not set")
    asyncio.run(_run(to_asyncpg_url(url), Metadata(metadata)))


async def _run(url: str, metadata: Metadata) -> None:
    # The time-out is a connection setting: a SET would open a transaction around all migrations.
    settings = {**SERVER_SETTINGS, "lock_timeout": LOCK_TIMEOUT}
    engine = create_async_engine(
        url,
        poolclass=pool.NullPool,
        hide_parameters=True,
        connect_args={"server_settings": settings},
    )
    try:
        async with engine.connect() as connection:
            await _wait_for_turn(connection)
            await connection.run_sync(_migrate, metadata)
    finally:
        await engine.dispose()


async def _wait_for_turn(connection: AsyncConnection) -> None:
    """Take the advisory lock on the connection that migrates.

    It polls, because a waiting statement holds a snapshot. CREATE INDEX CONCURRENTLY in the other
    process would wait for that snapshot, which is a deadlock.
    """
    deadline = time.monotonic() + WAIT_S
    while not await connection.scalar(_TAKE, {"kind": int(Lock.MIGRATION)}):
        await connection.rollback()
        if time.monotonic() > deadline:
            raise SystemExit("another process is migrating this database and does not end")
        await asyncio.sleep(ASK_EVERY_S)
    await connection.commit()


def _migrate(connection: Connection, metadata: Metadata) -> None:
    context.configure(
        connection=connection,
        target_metadata=cast(Any, metadata),  # it only iterates
        compare_type=True,
        compare_server_default=False,
        include_name=partial(_is_compared, connection),
        transaction_per_migration=True,
        on_version_apply=_show_version,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_compared(connection: Connection, name: str | None, kind: str, _: object) -> bool:
    """Tell whether a name is to be compared with the models.

    They know no partitions, and not the tables of the job queue, which are pgqueuer's.
    """
    if kind != "table":
        return True
    if str(name).startswith("pgqueuer"):
        return False
    partition = text("SELECT count(*) FROM pg_class WHERE relname = :name AND relispartition")
    return not connection.scalar(partition, {"name": name})


def _show_version(ctx: MigrationContext, step: object, heads: object, run_args: object) -> None:
    """Let the running service read the version, also if a later migration fails."""
    assert ctx.connection is not None
    app = get_app_role(ctx.connection)
    ctx.connection.execute(text(f'GRANT SELECT ON alembic_version TO "{app}"'))
