"""Drop the index that counted accounts of agents among the empty ones."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.drop_index("uq_accounts_phone_hash_without_member", table_name="accounts")
