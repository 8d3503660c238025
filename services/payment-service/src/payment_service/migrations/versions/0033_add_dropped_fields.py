"""Which fields a bank's message was read without; their names alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column("callbacks", sa.Column("dropped_fields", ARRAY(sa.Text)))
