from alembic import op

from perisai_kit.db.migrations.event_positions import complete_event_positions

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    complete_event_positions(op)
