"""Versions of the table of read audits, for the migrations of each service."""

from typing import Any

from perisai_kit.db.migrations.steps import create_partitioned_index_concurrently

_READERS = """
ALTER TABLE read_audits
    ADD COLUMN IF NOT EXISTS roles text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS scope_kind text,
    ADD COLUMN IF NOT EXISTS scope_code text,
    ADD COLUMN IF NOT EXISTS agent_id uuid,
    ADD COLUMN IF NOT EXISTS wadah_id uuid
"""
_INDEXES = {
    "ix_read_audits_ids": "USING gin (ids)",
    "ix_read_audits_account_id": "(account_id, id)",
}


def find_read_audits(op: Any) -> None:
    """Store who the reader was, and find read audits by person and by account.

    Expands: the version before goes on writing rows, which have no roles. The default of `roles`
    is for them: `drop_defaults_of_before`. The index of each partition is built while others
    write, and it can be run again.
    """
    op.execute(_READERS)
    for index, columns in _INDEXES.items():
        create_partitioned_index_concurrently(op, index, "read_audits", columns)
