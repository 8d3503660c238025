"""What PostgreSQL does for each payment, by pg_stat_statements: `make bench ARGS=--statements`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.results import BenchError
from bench.stage import Stage

# No full page images: how many there are depends on the time since the checkpoint.
_SETTINGS = (
    "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
    "ALTER SYSTEM SET pg_stat_statements.max = 10000",
    "ALTER SYSTEM SET full_page_writes = off",
)
_RESET = "SELECT pg_stat_statements_reset()"
_READ = """
    SELECT json_build_object(
        'ms', coalesce(sum(total_exec_time), 0), 'calls', coalesce(sum(calls), 0),
        'rows', coalesce(sum(rows), 0), 'wal', coalesce(sum(wal_bytes), 0))
    FROM pg_stat_statements AS said JOIN pg_database AS place ON place.oid = said.dbid
    WHERE place.datname = :'name'
"""
_WRITTEN = """
    SELECT pg_stat_force_next_flush();
    SELECT n_tup_ins + n_tup_upd + n_tup_del FROM (
        SELECT sum(n_tup_ins) AS n_tup_ins, sum(n_tup_upd) AS n_tup_upd, sum(n_tup_del) AS n_tup_del
        FROM pg_stat_user_tables
    ) AS all_tables
"""


@dataclass(slots=True)
class Cost:
    """What the statements of a run came to, of all its payments together.

    ms: of execution, commits included. written: rows inserted, updated or deleted.
    """

    ms: float = 0.0
    calls: int = 0
    rows: int = 0
    wal: int = 0
    written: int = 0

    def describe(self, payments: int) -> str:
        """Return the figures of one payment. Raises: BenchError without any payment."""
        if not payments:
            raise BenchError("nothing was paid")
        return (
            f"PostgreSQL a payment: {self.ms / payments:.2f} ms of statements,"
            f" {self.calls / payments:.2f} statements, {self.rows / payments:.1f} rows returned or"
            f" written, {self.written / payments:.1f} written,"
            f" {self.wal / payments:,.0f} bytes of WAL without full page images"
        )


def keep_statements(stage: Stage) -> None:
    """Let the server of a stage count statements from now on; it starts anew."""
    for setting in _SETTINGS:
        stage.postgres.query("postgres", setting)
    stage.postgres.stop()
    stage.postgres.start()
    stage.postgres.query("postgres", "CREATE EXTENSION pg_stat_statements")


@contextmanager
def count_statements(stage: Stage, database: str) -> Iterator[Cost]:
    """Count the statements that a database executes in the block. `Cost` is filled at its end."""
    cost = Cost()
    before = _count_written(stage, database)
    stage.postgres.query("postgres", _RESET)
    yield cost
    said = json.loads(stage.postgres.query("postgres", _READ, database))
    cost.ms, cost.calls, cost.rows, cost.wal = (said[key] for key in ("ms", "calls", "rows", "wal"))
    cost.written = _count_written(stage, database) - before


def _count_written(stage: Stage, database: str) -> int:
    return int(stage.postgres.query(database, _WRITTEN).split()[-1])
