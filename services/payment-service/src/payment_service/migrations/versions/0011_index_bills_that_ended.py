"""Index the bills that ended without a payment by their end.

Expand: only adds an index, so the version before runs on beside it. It has those bills alone.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    create_index_concurrently(
        op, "ix_bills_ended", "bills", ["expires_at", "id"], postgresql_where="status = 'ended'"
    )
