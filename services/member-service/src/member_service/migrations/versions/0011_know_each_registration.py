"""Let the table of positions alone tell which events are numbered, and registrations need no mark.

Expands only. From here on each row of `attribution_periods` has the copies of the registration,
also without the mark `is_state_known`: the version after this one does not write it. Refused while
a copy is missing: a worker of the version before makes it within a minute.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import complete_event_positions
from perisai_kit.db.migrations.steps import refuse_if

revision = "0011"
down_revision = "0010"

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
        "registrations of members are not copied yet: run the worker of the version before until"
        " its task listings.repair has copied them",
    )
    op.execute("ALTER TABLE attribution_periods ALTER is_state_known SET DEFAULT true")
    complete_event_positions(op)
