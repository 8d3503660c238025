"""Turn a table in use into one in partitions, in a migration.

No row is moved: the table becomes the partition of everything before a boundary. A check of that
boundary is validated before, while others read and write, so that the exchange itself reads no
row and takes milliseconds. The version before goes on running: it sees a table of the same name,
columns and rights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from perisai_kit.db.migrations.steps import LOCK_TIMEOUT, get_app_role
from perisai_kit.db.partitions.tables import KIT_TABLES, PartitionedTable
from perisai_kit.domain import clock

MARGIN = timedelta(days=2)
"""Between the migration and the boundary: clocks differ, and a migration may take hours."""
BOUNDARY = "boundary"
"""The check that holds until the old table is attached."""

_INDEXES = """
    SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid
    WHERE indrelid = CAST(CAST(:name AS text) AS regclass) ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A primary key or unique index that must contain the column of the ranges from now on.

    name: that of the index before and after. is_primary: whether it is the primary key.
    columns: with the new one. options: what follows them in CREATE INDEX.
    """

    name: str
    columns: str
    is_primary: bool = True
    options: str = ""


def convert_table(
    op: Any,
    table: PartitionedTable,
    *,
    indexes: Sequence[str],
    rights: str,
    new_keys: Sequence[NewKey] = (),
    identity: str | None = None,
    undeletable: str | None = None,
) -> None:
    """Convert a table; earlier statements of the migration are committed first.

    A table that has been converted stays as it is, so that a migration can be run again.
    indexes: the statements that create the primary key and the indexes of the new table; each
        must match one of the old table. rights: those of the running service.
    identity: the column that is GENERATED ALWAYS AS IDENTITY.
    undeletable: the rows, a condition on `OLD`, that the running service does not delete. The
        version before deletes by place (ctid), and the same place is in each partition.
    """
    if _is_partitioned(op, table.name):
        return
    name, boundary = table.name, _choose_boundary(op, table)
    old = f"{name}_until_{boundary:%Y_%m_%d}"
    bound = table.format_bound(boundary)
    _prepare(op, table, bound, new_keys)
    _exchange_keys(op, name, new_keys)
    _rename(op, name, old)
    op.execute(
        f"CREATE TABLE {name} (LIKE {old} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES)"
        f" PARTITION BY RANGE ({table.column})"
    )
    op.execute(f"ALTER TABLE {name} DROP CONSTRAINT {BOUNDARY}")
    if identity is not None:
        _move_identity(op, name, old, identity)
    for index in indexes:
        op.execute(index)
    app = get_app_role(op.get_bind())
    op.execute(f'REVOKE ALL ON {old} FROM "{app}"')
    op.execute(f'GRANT {rights} ON {name} TO "{app}"')
    op.execute(f"CREATE TABLE {table.default_name} PARTITION OF {name} DEFAULT")
    op.execute(f'GRANT SELECT ON {table.default_name} TO "{app}"')
    op.execute(
        f"ALTER TABLE {name} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{bound}')"
    )
    op.execute(f"ALTER TABLE {old} DROP CONSTRAINT {BOUNDARY}")
    if undeletable is not None:
        _keep_from_app(op, name, f"{undeletable} AND current_user = '{app}'")


def _prepare(op: Any, table: PartitionedTable, bound: str, new_keys: Sequence[NewKey]) -> None:
    """Do what takes long, while others read and write: check the boundary, build new keys."""
    name, check = table.name, f"CHECK ({table.column} < '{bound}')"
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {BOUNDARY}")
        op.execute(f"ALTER TABLE {name} ADD CONSTRAINT {BOUNDARY} {check} NOT VALID")
        op.execute("SET lock_timeout = 0")
        op.execute(f"ALTER TABLE {name} VALIDATE CONSTRAINT {BOUNDARY}")
        for key in new_keys:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {key.name}_new")
            unique = f"CREATE UNIQUE INDEX CONCURRENTLY {key.name}_new ON {name}"
            op.execute(f"{unique} ({key.columns}) {key.options}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def _is_partitioned(op: Any, name: str) -> bool:
    found = (
        "SELECT FROM pg_partitioned_table WHERE partrelid = CAST(CAST(:name AS text) AS regclass)"
    )
    return bool(op.get_bind().scalar(text(f"SELECT EXISTS ({found})"), {"name": name}))


def _choose_boundary(op: Any, table: PartitionedTable) -> date:
    """Return the first day of a range after the present time and after all rows.

    Business time may be ahead of real time in a sandbox.
    """
    newest = (
        op.get_bind()
        .execute(
            text(
                f"SELECT {table.start_expression} FROM {table.name}"  # noqa: S608 - declared names
                f" ORDER BY {table.column} DESC LIMIT 1"
            )
        )
        .scalar()
    )
    now = clock.real_now() + MARGIN
    days = [now.date()] if newest is None else [now.date(), newest]
    return table.shift(table.start_of(max(days)), 1)


def _exchange_keys(op: Any, name: str, new_keys: Sequence[NewKey]) -> None:
    for key in new_keys:
        if key.is_primary:
            op.execute(f"ALTER TABLE {name} DROP CONSTRAINT {key.name}")
            primary = f"PRIMARY KEY USING INDEX {key.name}_new"
            op.execute(f"ALTER TABLE {name} ADD CONSTRAINT {key.name} {primary}")
        else:
            op.execute(f"DROP INDEX {key.name}")
            op.execute(f"ALTER INDEX {key.name}_new RENAME TO {key.name}")


def _rename(op: Any, name: str, old: str) -> None:
    """Free the names of the table and of its indexes."""
    indexes = op.get_bind().execute(text(_INDEXES), {"name": name}).scalars().all()
    op.execute(f"ALTER TABLE {name} RENAME TO {old}")
    for number, index in enumerate(indexes, 1):
        op.execute(f"ALTER INDEX {index} RENAME TO {old}_{number}")


def _move_identity(op: Any, name: str, old: str, column: str) -> None:
    """Let the new table count on where the old one, which is locked, has stopped."""
    sequence = op.get_bind().scalar(
        text("SELECT pg_get_serial_sequence(:old, :column)"), {"old": old, "column": column}
    )
    following = op.get_bind().scalar(text(f"SELECT nextval('{sequence}')"))
    op.execute(f"ALTER TABLE {old} ALTER {column} DROP IDENTITY")
    op.execute(
        f"ALTER TABLE {name} ALTER {column} ADD GENERATED ALWAYS AS IDENTITY (START {following})"
    )


def _keep_from_app(op: Any, name: str, condition: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION keep_row() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    )
    op.execute(
        f"CREATE TRIGGER keep_rows BEFORE DELETE ON {name} FOR EACH ROW"
        f" WHEN ({condition}) EXECUTE FUNCTION keep_row()"
    )


def convert_kit_tables(op: Any) -> None:
    """Convert the kit's own tables.

    A key may be used again after 24 hours, so its time is part of the primary key. A service
    deletes no key any more: `end_deletion_of_keys` takes the right and the index away.
    """
    audits, keys = KIT_TABLES
    convert_table(
        op,
        audits,
        indexes=("ALTER TABLE read_audits ADD CONSTRAINT pk_read_audits PRIMARY KEY (id)",),
        rights="SELECT, INSERT",
    )
    columns = "account_id, key, created_at"
    convert_table(
        op,
        keys,
        indexes=(
            "ALTER TABLE idempotency_keys"
            f" ADD CONSTRAINT pk_idempotency_keys PRIMARY KEY ({columns})",
            "CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)",
        ),
        rights="SELECT, INSERT, DELETE",
        new_keys=(NewKey("pk_idempotency_keys", columns),),
        undeletable="OLD.created_at > now() - interval '24 hours'",
    )


def end_deletion(op: Any, table: str, *, index: str) -> None:
    """Take from the service the right to delete rows of a table in partitions: contracts.

    With it goes what served that right: the trigger that kept fresh rows, and an index. Each
    statement is committed by itself, so that no two tables are locked at once, and it can be run
    again. Follow the last table with `drop_keep_row`.
    """
    app = get_app_role(op.get_bind())
    with op.get_context().autocommit_block():
        op.execute(f'REVOKE DELETE ON {table} FROM "{app}"')
        op.execute(f"DROP TRIGGER IF EXISTS keep_rows ON {table}")
        op.execute(f"DROP INDEX IF EXISTS {index}")


def drop_keep_row(op: Any) -> None:
    """Drop the function of the triggers that `end_deletion` dropped."""
    op.execute("DROP FUNCTION IF EXISTS keep_row()")


def end_deletion_of_keys(op: Any) -> None:
    """Let a service only add idempotency keys: their partitions are dropped by the owner."""
    end_deletion(op, "idempotency_keys", index="ix_idempotency_keys_created_at")
