"""Find the agents who have not said whether they received what their wadah was paid for them.

Only adds indexes, so it runs beside the version before.
"""

from alembic import op
from sqlalchemy import text

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "ix_payouts_paid_to_wadahs",
        "payouts",
        ["settled_at", "id"],
        postgresql_where=text("payee_kind = 'wadah' AND status = 'paid'"),
    )
    create_index_concurrently(
        op,
        "ix_payout_items_agents",
        "payout_items",
        ["payout_id", "beneficiary_id"],
        postgresql_include=["month", "gross", "tax"],
        postgresql_where=text("beneficiary_kind = 'agent' AND gross > tax"),
    )
