"""Drop what only older versions used: contracts 0001, 0002, 0003, 0004 and 0005.

Dropped are the marks of registrations that an older version judged or did not copy, the positions
in `events`, the right to delete idempotency keys with its trigger and index, and values of columns
that the code writes in each row.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import drop_positions_in_events
from perisai_kit.db.migrations.kit_tables import drop_defaults_of_before
from perisai_kit.db.migrations.steps import drop_index_concurrently, refuse_if
from perisai_kit.db.partitions.convert import drop_keep_row, end_deletion_of_keys

revision = "0013"
down_revision = "0012"

NOT_JUDGED = """
    SELECT EXISTS (SELECT FROM attribution_periods WHERE NOT is_state_known)
        OR EXISTS (
            SELECT FROM members WHERE "left"(unpaid_months, 7) IS DISTINCT FROM first_unpaid
        )
"""


def upgrade() -> None:
    refuse_if(
        op,
        NOT_JUDGED,
        "registrations of members are not copied: run the worker of a version whose task"
        " listings.repair copies them",
    )
    drop_positions_in_events(op)
    end_deletion_of_keys(op)
    drop_keep_row(op)
    drop_defaults_of_before(op)
    drop_index_concurrently(op, "ix_attribution_periods_state_unknown", "attribution_periods")
    drop_index_concurrently(op, "ix_members_to_judge", "members")
    op.execute("ALTER TABLE attribution_periods DROP COLUMN is_state_known")
