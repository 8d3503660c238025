"""Index payments by bank and time, and by the bank's reference.

Expand: only adds indexes, so the version before runs on beside them. With the amount in it, what a
bank collected on a day is added up from the index alone.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "ix_payments_partner_id_paid_at_id",
        "payments",
        ["partner_id", "paid_at", "id"],
        postgresql_include=["amount"],
    )
    create_index_concurrently(
        op,
        "ix_payments_reference_no",
        "payments",
        ["reference_no"],
        postgresql_where="reference_no IS NOT NULL",
    )
