"""Find read audits by person and by reader. Expands only: see `find_read_audits`."""

from alembic import op

from perisai_kit.db.migrations.read_audits import find_read_audits

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    find_read_audits(op)
