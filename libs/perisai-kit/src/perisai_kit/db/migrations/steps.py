"""Steps that migrations share."""

from collections.abc import Sequence
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, text

LOCK_TIMEOUT = "5s"
"""How long a migration waits for a lock of a table: all queries queue behind it."""


class MigrationRefused(CommandError):
    """Rows are not yet as the migration needs them. It changed nothing and can be run again."""


def refuse_if(op: Any, query: str, reason: str) -> None:
    """Refuse the migration if a query of one boolean returns true.

    reason: one line that says what is missing and what to do. Raises: MigrationRefused.
    """
    if op.get_bind().scalar(text(query)):
        raise MigrationRefused(reason)


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


def drop_index_concurrently(op: Any, name: str, table: str) -> None:
    """Drop an index while the table is in use, outside of any transaction, if it is there.

    It waits for older transactions and blocks none. Earlier statements of the migration are
    committed first.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


_WITHOUT_INDEX = """
    SELECT relid::text FROM pg_partition_tree(CAST(CAST(:table AS text) AS regclass)) AS part
    WHERE isleaf AND NOT EXISTS (
        SELECT FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid
        WHERE indrelid = part.relid
            AND inhparent = CAST(CAST(:index AS text) AS regclass)
    )
"""


def create_partitioned_index_concurrently(
    op: Any, name: str, table: str, definition: str, *, where: str = ""
) -> None:
    """Create an index on a table in partitions while it is in use, outside of any transaction.

    That of each partition is built by itself, and it can be run again. Earlier statements of the
    migration are committed first. definition: `(a, b)` or `USING gin (a)`.
    """
    of = f"{definition} WHERE {where}" if where else definition
    op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {of}")
    found = op.get_bind().scalars(text(_WITHOUT_INDEX), {"table": table, "index": name})
    partitions = found.all()
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for partition in partitions:
            own = f"{partition}_{name.removeprefix(f'ix_{table}_')}_idx"
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {own}")
            op.execute(f"CREATE INDEX CONCURRENTLY {own} ON {partition} {of}")
            op.execute(f"ALTER INDEX {name} ATTACH PARTITION {own}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
