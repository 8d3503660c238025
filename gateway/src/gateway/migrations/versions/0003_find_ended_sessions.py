"""Index ended sessions, whose access tokens are refused."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index_concurrently(
        op,
        "ix_sessions_ended_at",
        "sessions",
        ["ended_at"],
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database goes forward only; restore a backup to go back")
