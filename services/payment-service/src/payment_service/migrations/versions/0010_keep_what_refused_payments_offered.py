"""Keep with each refused payment what was offered for which order, and index them by time.

Expand: nullable columns and an index of refused rows only, so the version before runs on and leaves
them empty. Rows from before stay empty: their amounts stand in the sealed message alone. The index
of a table in partitions cannot be made beside writers: payments wait while the messages are read
once.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0010"
down_revision = "0009"

COLUMNS = """
ALTER TABLE callbacks ADD offered_amount bigint, ADD order_id uuid;
CREATE INDEX ix_callbacks_refused_at ON callbacks (received_at, id)
    WHERE verdict = 'refused' AND content_hash IS NOT NULL;
"""


def upgrade() -> None:
    execute_script(op, COLUMNS)
