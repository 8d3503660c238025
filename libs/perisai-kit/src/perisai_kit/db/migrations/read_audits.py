"""Versions of the table of read audits, for the migrations of each service."""

from typing import Any

from sqlalchemy import text

from perisai_kit.db.migrations.steps import LOCK_TIMEOUT

_READERS = """
ALTER TABLE read_audits
    ADD COLUMN IF NOT EXISTS roles text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS scope_kind text,
    ADD COLUMN IF NOT EXISTS scope_code text,
    ADD COLUMN IF NOT EXISTS agent_id uuid,
    ADD COLUMN IF NOT EXISTS wadah_id uuid
"""
_PARTITIONS = """
    SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = 'read_audits'::regclass
    AND NOT EXISTS (
        SELECT FROM pg_index JOIN pg_inherits AS attached ON attached.inhrelid = indexrelid
        WHERE indrelid = pg_inherits.inhrelid
            AND attached.inhparent = CAST(CAST(:index AS text) AS regclass)
    )
"""
_INDEXES = {
    "ix_read_audits_ids": "USING gin (ids)",
    "ix_read_audits_account_id": "(account_id, id)",
}


def find_read_audits(op: Any) -> None:
    """Store who the reader was, and find read audits by person and by account.

    Expands: the version before goes on writing rows, which have no roles. Nothing is contracted
    later. The index of each partition is built while others write, and it can be run again.
    """
    op.execute(_READERS)
    for index, columns in _INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {index} ON ONLY read_audits {columns}")
        partitions = op.get_bind().scalars(text(_PARTITIONS), {"index": index}).all()
        with op.get_context().autocommit_block():
            op.execute("SET lock_timeout = 0")
            for partition in partitions:
                own = f"{partition}_{index.removeprefix('ix_read_audits_')}_idx"
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {own}")
                op.execute(f"CREATE INDEX CONCURRENTLY {own} ON {partition} {columns}")
                op.execute(f"ALTER INDEX {index} ATTACH PARTITION {own}")
            op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
