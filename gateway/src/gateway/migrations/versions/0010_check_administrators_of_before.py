"""Make sure that every administrator has the country; the table is read and written meanwhile."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("ALTER TABLE accounts VALIDATE CONSTRAINT ck_accounts_admin")
