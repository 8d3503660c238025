"""Keep positions of events in a table of their own.

What is expanded, and what a later migration contracts: `create_event_positions`.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import create_event_positions

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_event_positions(op)
