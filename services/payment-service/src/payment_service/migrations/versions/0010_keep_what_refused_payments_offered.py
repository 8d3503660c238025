"""Keep with each refused payment what was offered for which order, and index them by time.

Expand: nullable columns and an index of refused rows only, so the version before runs on and leaves
them empty. Rows from before stay empty: their amounts stand in the sealed message alone.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_partitioned_index_concurrently

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE callbacks ADD COLUMN IF NOT EXISTS offered_amount bigint,"
        " ADD COLUMN IF NOT EXISTS order_id uuid"
    )
    create_partitioned_index_concurrently(
        op,
        "ix_callbacks_refused_at",
        "callbacks",
        "(received_at, id)",
        where="verdict = 'refused' AND content_hash IS NOT NULL",
    )
