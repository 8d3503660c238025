"""Drop what only older versions used: contracts 0004, 0013, 0015, 0016, 0017 and 0018.

Dropped are the positions in `events`, the right to delete idempotency keys with its trigger and
index, and values of columns that the code writes in each row. A notice in a sandbox's outbox has
its text now; an old one gets the name of its template.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import drop_positions_in_events
from perisai_kit.db.migrations.kit_tables import drop_defaults_of_before
from perisai_kit.db.partitions.convert import drop_keep_row, end_deletion_of_keys

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    drop_positions_in_events(op)
    end_deletion_of_keys(op)
    drop_keep_row(op)
    drop_defaults_of_before(op)
    op.execute("ALTER TABLE otp_outbox ALTER purpose DROP DEFAULT")
    op.execute("UPDATE notice_outbox SET text = template WHERE text IS NULL")
    op.execute("ALTER TABLE notice_outbox ALTER text SET NOT NULL")
