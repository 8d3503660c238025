"""Store devices that have signed in with a number or a name: they have their own limits."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import grant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "known_devices",
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_known_devices"),
    )
    op.create_index("ix_known_devices_signed_in_at", "known_devices", ["signed_in_at"])
    grant(op, "known_devices", "SELECT, INSERT, UPDATE, DELETE")
