"""Find the sessions that ended lately: their access tokens are refused."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_sessions_ended_at ON sessions (ended_at) WHERE ended_at IS NOT NULL"
    )


def downgrade() -> None:
    raise NotImplementedError("a database goes forward only; restore a backup to go back")
