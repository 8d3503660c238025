"""Keep with each idempotent answer who may get it again."""

from alembic import op

from perisai_kit.db.migrations import keep_authority_with_answers

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    keep_authority_with_answers(op)
