"""Let an account have one notice of each fact, and find the accounts of agents at work.

Expand: only indexes, made while the tables are in use.
"""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "uq_account_notices_cause_id_fact_account_id",
        "account_notices",
        ["cause_id", "fact", "account_id"],
        unique=True,
        postgresql_where=sa.text("cause_id IS NOT NULL"),
    )
    create_index_concurrently(
        op,
        "ix_accounts_agent_id",
        "accounts",
        ["agent_id"],
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )
