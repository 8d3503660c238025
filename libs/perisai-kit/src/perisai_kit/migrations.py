"""What the services' Alembic trees share: how to run, and the kit's own tables by version."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from alembic import context
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from perisai_kit.db import asyncpg_url

LOCK_TIMEOUT = "5s"


def run_migrations(metadata: Sequence[MetaData], *, url_variable: str) -> None:
    """Run Alembic for one service, as the role that owns the tables.

    url_variable: the environment variable with the owner's address. A migration that cannot get
    its lock within five seconds fails instead of queueing all traffic behind itself.
    """
    url = context.config.get_main_option("sqlalchemy.url") or os.environ.get(url_variable)
    if not url:
        raise SystemExit(f"{url_variable} is not set")
    asyncio.run(_run(asyncpg_url(url), metadata))


async def _run(url: str, metadata: Sequence[MetaData]) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool, hide_parameters=True)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, metadata)
        await connection.commit()
    await engine.dispose()


def _migrate(connection: Connection, metadata: Sequence[MetaData]) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    context.configure(
        connection=connection,
        target_metadata=list(metadata),
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("GRANT SELECT ON alembic_version TO app"))


def create_kit_tables(op: Any) -> None:
    """Create the kit's tables as they are in its first version, with what `app` may do there."""
    raise NotImplementedError
