"""The ledger: insert only."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0002"
down_revision = "0001"

PLAIN = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "ledger_transfers",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("debit_account", PLAIN, nullable=False),
        sa.Column("credit_account", PLAIN, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("key", PLAIN, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("business_on", sa.Date, nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correction_of", sa.BigInteger),
        sa.CheckConstraint("amount > 0", name="ck_ledger_transfers_amount"),
        sa.CheckConstraint(
            "debit_account <> credit_account", name="ck_ledger_transfers_two_accounts"
        ),
        sa.CheckConstraint(
            "code IN ('contribution_received', 'correction')", name="ck_ledger_transfers_code"
        ),
        sa.CheckConstraint(
            "(code = 'correction') = (correction_of IS NOT NULL)",
            name="ck_ledger_transfers_correction",
        ),
        sa.ForeignKeyConstraint(
            ["correction_of"], ["ledger_transfers.id"], name="fk_ledger_transfers_correction_of"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_transfers"),
        sa.UniqueConstraint("key", name="uq_ledger_transfers_key"),
    )
    for side in ("debit_account", "credit_account"):
        op.create_index(f"ix_ledger_transfers_{side}_id", "ledger_transfers", [side, "id"])
    op.create_table(
        "ledger_balance_snapshots",
        sa.Column("through_id", sa.BigInteger, nullable=False),
        sa.Column("account", PLAIN, nullable=False),
        sa.Column("debits", sa.BigInteger, nullable=False),
        sa.Column("credits", sa.BigInteger, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("through_id", "account", name="pk_ledger_balance_snapshots"),
    )
    # MAINTAIN (PostgreSQL 17) allows the short lock against writers that a snapshot begins with,
    # and changes no row.
    grant(op, "ledger_transfers", "SELECT, INSERT, MAINTAIN")
    grant(op, "ledger_balance_snapshots", "SELECT, INSERT")
