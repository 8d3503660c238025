"""Find read audits by person and by reader. Expands only: see `find_read_audits`."""

from alembic import op

from perisai_kit.db.migrations.read_audits import find_read_audits

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    find_read_audits(op)
