"""Create the job queue, on which payouts are sent.

Only adds tables, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.job_queue import create_job_queue

revision = "0022"
down_revision = "0019"


def upgrade() -> None:
    create_job_queue(op)
