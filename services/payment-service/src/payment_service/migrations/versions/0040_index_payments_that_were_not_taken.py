"""Index payments that were refused or turned back by time, for the list of them.

Expands only, and can be run again where it was interrupted. The index of refused ones alone stays
for the version before.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_partitioned_index_concurrently

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    create_partitioned_index_concurrently(
        op,
        "ix_callbacks_not_taken_at",
        "callbacks",
        "(received_at, id)",
        where="service = '25' AND verdict IN ('refused', 'conflict', 'turned_back')",
    )
