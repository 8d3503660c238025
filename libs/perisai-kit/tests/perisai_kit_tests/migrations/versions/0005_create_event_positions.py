"""Keep positions of events in a table of their own."""

from alembic import op

from perisai_kit.db.migrations.event_positions import create_event_positions

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create_event_positions(op)
