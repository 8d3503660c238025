"""Let the table of positions alone tell which events are numbered.

Expands only: see `complete_event_positions`.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import complete_event_positions

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    complete_event_positions(op)
