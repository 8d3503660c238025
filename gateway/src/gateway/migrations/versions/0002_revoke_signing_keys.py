"""Let a signing key be revoked, with author and reason."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE signing_keys ADD revoked_at timestamptz")
    op.execute("ALTER TABLE signing_keys ADD revoked_by uuid")
    op.execute("ALTER TABLE signing_keys ADD revoked_reason text")


def downgrade() -> None:
    raise NotImplementedError("a database goes forward only; restore a backup to go back")
