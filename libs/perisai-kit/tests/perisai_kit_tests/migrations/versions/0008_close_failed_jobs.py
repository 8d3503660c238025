from alembic import op

from perisai_kit.db.migrations.job_queue import create_job_closings

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    create_job_closings(op)
