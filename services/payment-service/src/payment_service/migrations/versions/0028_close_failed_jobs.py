"""Store who closed a failed job, and why.

Only adds a table, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.job_queue import create_job_closings

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    create_job_closings(op)
