"""What the services' Alembic trees share: how to run, and the kit's own tables by version."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from perisai_kit.db.engine import SERVER_SETTINGS, to_asyncpg_url
from perisai_kit.db.locks import Lock

LOCK_TIMEOUT = "5s"
WAIT_S = 3600.0
"""How long a second process waits for the first one to migrate the same database."""
ASK_EVERY_S = 0.5

_TAKE = text("SELECT pg_try_advisory_lock(:kind, 0)")


def run_migrations(metadata: Sequence[MetaData], *, url_variable: str) -> None:
    """Run Alembic for one service, as the role that owns the tables.

    Each migration is a transaction of its own: those before a failing one stay. A migration that
    cannot get its lock on a table within five seconds fails instead of queueing all traffic behind
    itself. Of several processes one migrates, and the others wait for it.

    url_variable: the environment variable with the owner's address; not that of a connection pool.
    """
    url = context.config.get_main_option("sqlalchemy.url") or os.environ.get(url_variable)
    if not url:
        raise SystemExit(f"{url_variable} is not set")
    asyncio.run(_run(to_asyncpg_url(url), metadata))


async def _run(url: str, metadata: Sequence[MetaData]) -> None:
    # The time-out is a setting of the connection: a SET would open a transaction around them all.
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
    """Take the session's lock, which ends with the connection that migrates.

    Asked again and again: who waits inside a statement holds a snapshot, for whose end the other
    process's CREATE INDEX CONCURRENTLY would wait, and neither would ever go on.
    """
    deadline = time.monotonic() + WAIT_S
    while not await connection.scalar(_TAKE, {"kind": int(Lock.MIGRATION)}):
        await connection.rollback()
        if time.monotonic() > deadline:
            raise SystemExit("another process is migrating this database and does not end")
        await asyncio.sleep(ASK_EVERY_S)
    await connection.commit()


def _migrate(connection: Connection, metadata: Sequence[MetaData]) -> None:
    context.configure(
        connection=connection,
        target_metadata=list(metadata),
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
        on_version_apply=_show_version,
    )
    with context.begin_transaction():
        context.run_migrations()


def _show_version(ctx: MigrationContext, step: object, heads: object, run_args: object) -> None:
    """Let the running service read how far its database is, also when a later migration fails."""
    assert ctx.connection is not None
    app = get_app_role(ctx.connection)
    ctx.connection.execute(text(f'GRANT SELECT ON alembic_version TO "{app}"'))


def get_app_role(connection: Connection) -> str:
    """Return the role that the running service has in this database.

    It is called like the one that migrates, with `_app` for `_owner`: see docs/deploy.md.
    Raises: SystemExit when the one that migrates is not called so.
    """
    owner = str(connection.scalar(text("SELECT current_user")))
    if not owner.endswith("_owner"):
        raise SystemExit(f"the role that migrates must be called <database>_owner, not {owner}")
    return f"{owner.removesuffix('_owner')}_app"


def grant(op: Any, table: str, privileges: str) -> None:
    """Give the running service these privileges on a table or `SEQUENCE name`, in a migration.

    privileges: such as `SELECT, INSERT`; a table nobody may edit simply lacks UPDATE and DELETE.
    """
    op.execute(f'GRANT {privileges} ON {table} TO "{get_app_role(op.get_bind())}"')


def execute_script(op: Any, script: str) -> None:
    """Run the statements of a script, each ending in `;` at the end of a line.

    `{app}` in it is the running service's role.
    """
    app = f'"{get_app_role(op.get_bind())}"'
    for statement in script.split(";\n"):
        if statement.strip():
            op.execute(statement.replace("{app}", app))


def create_index_concurrently(
    op: Any, name: str, table: str, columns: Sequence[Any], **options: Any
) -> None:
    """Create an index while the table is read and written; outside any transaction.

    It waits for older transactions for as long as they take, and holds up nobody meanwhile. What
    stands before it in the migration is committed first. An invalid index that an earlier, failed
    attempt left behind is replaced. options: as for `op.create_index`.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, list(columns), postgresql_concurrently=True, **options)
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


_KIT_TABLES = """
CREATE TABLE events (
    id uuid CONSTRAINT pk_events PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    subject text NOT NULL,
    data jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    position bigint
);
CREATE INDEX ix_events_unnumbered ON events (seq) WHERE position IS NULL;
CREATE UNIQUE INDEX uq_events_position ON events (position) WHERE position IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (position) ON events TO {app};

CREATE TABLE subscriptions (
    name text CONSTRAINT pk_subscriptions PRIMARY KEY,
    position bigint NOT NULL,
    caught_up_at timestamptz,
    updated_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON subscriptions TO {app};

CREATE TABLE parked_events (
    id uuid CONSTRAINT pk_parked_events PRIMARY KEY,
    subscription text NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    data jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    parked_at timestamptz NOT NULL,
    replayed_at timestamptz,
    CONSTRAINT uq_parked_events_subscription_position UNIQUE (subscription, position)
);
CREATE INDEX ix_parked_events_waiting ON parked_events (subscription, subject, position)
    WHERE replayed_at IS NULL;
GRANT SELECT, INSERT, UPDATE (replayed_at) ON parked_events TO {app};

CREATE TABLE idempotency_keys (
    account_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (account_id, key)
);
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO {app};

CREATE TABLE read_audits (
    id uuid CONSTRAINT pk_read_audits PRIMARY KEY,
    at timestamptz NOT NULL,
    account_id uuid NOT NULL,
    client_id varchar,
    request_id varchar NOT NULL,
    kind varchar NOT NULL,
    ids uuid[] NOT NULL
);
GRANT SELECT, INSERT ON read_audits TO {app};
"""


def keep_authority_with_answers(op: Any) -> None:
    """Keep with each idempotent answer who may get it again, and whose data it shows.

    What was kept before fits nobody's rights: a repeat of it is refused, and nothing is done twice.
    """
    op.execute("ALTER TABLE idempotency_keys ADD authority bytea NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE idempotency_keys ADD reads jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE idempotency_keys ADD shows jsonb NOT NULL DEFAULT '{}'")


def create_kit_tables(op: Any) -> None:
    """Create the kit's tables in their first version, with what the running service may do there.

    Events, parked events and read audits cannot be changed or deleted by a service.
    """
    execute_script(op, _KIT_TABLES)


_WAITING = "replayed_at IS NULL AND dismissed_at IS NULL AND passed_over_at IS NULL"
_KIT_TABLES_2 = f"""
ALTER TABLE parked_events
    ADD COLUMN dismissed_at timestamptz,
    ADD COLUMN dismissed_by uuid,
    ADD COLUMN dismissal_reason bytea,
    ADD COLUMN passed_over_at timestamptz;
GRANT UPDATE (error, attempts, dismissed_at, dismissed_by, dismissal_reason, passed_over_at)
    ON parked_events TO {{app}};
CREATE INDEX ix_parked_events_subject ON parked_events (subscription, subject, position)
    WHERE {_WAITING};
CREATE INDEX ix_parked_events_waiting_id ON parked_events (id) WHERE {_WAITING};
DROP INDEX ix_parked_events_waiting;

CREATE TABLE periodic_leases (
    name text CONSTRAINT pk_periodic_leases PRIMARY KEY,
    fence bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT uq_periodic_leases_name_fence UNIQUE (name, fence)
);
GRANT SELECT, INSERT, UPDATE ON periodic_leases TO {{app}};
"""


def create_kit_tables_2(op: Any) -> None:
    """Let parked events be dismissed and passed over; lease periodic work."""
    execute_script(op, _KIT_TABLES_2)
