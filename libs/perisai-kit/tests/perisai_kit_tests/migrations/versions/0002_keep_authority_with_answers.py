"""Store the rights of the reader with each idempotent answer."""

from alembic import op

from perisai_kit.db.migrations.kit_tables import keep_authority_with_answers

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    keep_authority_with_answers(op)
