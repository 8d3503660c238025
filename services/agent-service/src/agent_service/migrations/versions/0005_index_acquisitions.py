"""Index acquisitions by agent and day, so that an agent without one is found by one look.

Expand: only adds an index of the rows that are acquisitions, so the version before runs on.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "ix_coverage_answers_acquisitions",
        "coverage_answers",
        ["agent_id", "counts_on"],
        postgresql_where="is_acquisition",
    )
