"""Let parked events be dismissed and passed over; lease periodic work."""

from alembic import op

from perisai_kit.db.migrations import create_kit_tables_2

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    create_kit_tables_2(op)
