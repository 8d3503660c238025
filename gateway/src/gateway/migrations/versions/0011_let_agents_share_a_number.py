"""Let an account that was an agent's have the number of an empty account."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "uq_accounts_phone_hash_empty",
        "accounts",
        ["phone_hash"],
        unique=True,
        postgresql_where=sa.text("kind = 'person' AND member_id IS NULL AND was_agent_at IS NULL"),
    )
