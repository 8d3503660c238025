"""Let parked events be dismissed and passed over; lease periodic work."""

from alembic import op

from perisai_kit.db.migrations.kit_tables import create_kit_tables_2

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    create_kit_tables_2(op)
