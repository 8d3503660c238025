"""Find all registrations of members by an index, also those that do not count any more.

The old index had only those that count, so each page of payments read the whole table. It is
exchanged for one of all; both are used alike, so processes of the version before may go on.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, drop_index_concurrently

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    create_index_concurrently(
        op, "ix_registrations_member_id_began_at", "registrations", ["member_id", "began_at"]
    )
    drop_index_concurrently(op, "ix_registrations_present", "registrations")
