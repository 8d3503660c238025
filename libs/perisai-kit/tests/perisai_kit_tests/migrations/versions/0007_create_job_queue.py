from alembic import op

from perisai_kit.db.migrations.job_queue import create_job_queue

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    create_job_queue(op)
