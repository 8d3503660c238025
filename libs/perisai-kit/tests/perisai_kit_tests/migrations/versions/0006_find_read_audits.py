from alembic import op

from perisai_kit.db.migrations.read_audits import find_read_audits

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    find_read_audits(op)
