"""Index statements by month and wadah, so that a page of payees does not read the whole month."""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    create_index_concurrently(
        op,
        "ix_statements_month_wadah_id_beneficiary_id",
        "statements",
        ["month", "wadah_id", "beneficiary_id"],
    )
