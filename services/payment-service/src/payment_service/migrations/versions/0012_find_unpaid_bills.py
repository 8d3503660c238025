"""Find the bills that are not paid by their status: a list of them read all bills.

Only adds an index, so it runs beside the version before.
"""

from alembic import op
from sqlalchemy import text

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "ix_bills_unpaid",
        "bills",
        ["status", "id"],
        postgresql_where=text("status <> 'paid'"),
    )
