"""Running of migrations, and the versions of the kit's own tables."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pkgutil import resolve_name
from typing import Any, cast

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from perisai_kit.db.connections import SERVER_SETTINGS, to_asyncpg_url
from perisai_kit.db.locks import Lock

LOCK_TIMEOUT = "5s"
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
        include_name=partial(_is_no_partition, connection),
        transaction_per_migration=True,
        on_version_apply=_show_version,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_no_partition(connection: Connection, name: str | None, kind: str, _: object) -> bool:
    """Tell whether a name is to be compared with the models, which know no partitions."""
    partition = text("SELECT count(*) FROM pg_class WHERE relname = :name AND relispartition")
    return kind != "table" or not connection.scalar(partition, {"name": name})


def _show_version(ctx: MigrationContext, step: object, heads: object, run_args: object) -> None:
    """Let the running service read the version, also if a later migration fails."""
    assert ctx.connection is not None
    app = get_app_role(ctx.connection)
    ctx.connection.execute(text(f'GRANT SELECT ON alembic_version TO "{app}"'))


def get_app_role(connection: Connection) -> str:
    """Return the role of the running service in this database.

    It has the name of the migrating role, with `_app` for `_owner`: see docs/deploy.md.
    Raises: SystemExit if the migrating role has another name.
    """
    owner = str(connection.scalar(text("SELECT current_user")))
    if not owner.endswith("_owner"):
        raise SystemExit(f"the role that migrates must be called <database>_owner, not {owner}")
    return f"{owner.removesuffix('_owner')}_app"


def grant(op: Any, table: str, privileges: str) -> None:
    """Give the running service these privileges on a table or `SEQUENCE name`, in a migration.

    privileges: such as `SELECT, INSERT`. An insert-only table has no UPDATE and DELETE.
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
    """Create an index while the table is in use, outside of any transaction.

    It waits for older transactions and blocks none. Earlier statements of the migration are
    committed first. An invalid index of a failed attempt is replaced. options: as for
    `op.create_index`.
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
    """Store with each idempotent answer the rights of its reader and the data it shows.

    Older answers match no rights, so a repeat of them is refused and nothing is done twice.
    """
    op.execute("ALTER TABLE idempotency_keys ADD authority bytea NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE idempotency_keys ADD reads jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE idempotency_keys ADD shows jsonb NOT NULL DEFAULT '{}'")


def create_kit_tables(op: Any) -> None:
    """Create the first version of the kit's tables, with the privileges of the running service.

    A service cannot change or delete events, parked events and read audits.
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
