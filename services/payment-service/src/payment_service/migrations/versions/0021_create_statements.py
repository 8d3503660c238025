"""Statements and closed months: insert only. The ledger takes what they owe."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0021"
down_revision = "0020"

MONTH = sa.String(7, collation="C")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_statements()
    op.create_table(
        "commission_months",
        sa.Column("month", MONTH, nullable=False),
        sa.Column("closed_at", INSTANT, nullable=False),
        sa.Column("closed_by", sa.Uuid, nullable=False),
        sa.Column("statement_count", sa.BigInteger, nullable=False),
        sa.Column("line_count", sa.BigInteger, nullable=False),
        sa.Column("agent_parts", sa.BigInteger, nullable=False),
        sa.Column("wadah_parts", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("month", name="pk_commission_months"),
    )
    grant(op, "commission_months", "SELECT, INSERT")
    # Two steps, so that a large ledger is not locked while its rows are looked at.
    op.execute(
        "ALTER TABLE ledger_transfers DROP CONSTRAINT ck_ledger_transfers_code,"
        " ADD CONSTRAINT ck_ledger_transfers_code CHECK"
        " (code IN ('contribution_received', 'incentive_accrued', 'incentive_reversed',"
        " 'correction')) NOT VALID"
    )
    op.execute("ALTER TABLE ledger_transfers VALIDATE CONSTRAINT ck_ledger_transfers_code")


def _create_statements() -> None:
    op.create_table(
        "statements",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("month", MONTH, nullable=False),
        sa.Column("beneficiary_kind", sa.String(40), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid, nullable=False),
        sa.Column("wadah_id", sa.Uuid, nullable=False),
        sa.Column("branch_code", sa.Text, nullable=False),
        sa.Column("region_code", sa.Text, nullable=False),
        sa.Column("line_count", sa.BigInteger, nullable=False),
        sa.Column("contribution_parts", sa.BigInteger, nullable=False),
        sa.Column("acquisition_parts", sa.BigInteger, nullable=False),
        sa.Column("override_parts", sa.BigInteger, nullable=False),
        sa.Column("brought_parts", sa.BigInteger, nullable=False),
        sa.Column("total_parts", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("brought_debt", sa.BigInteger, nullable=False),
        sa.Column("held_reason", sa.String(40)),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "beneficiary_kind IN ('agent', 'wadah')", name="ck_statements_beneficiary_kind"
        ),
        sa.CheckConstraint("line_count > 0", name="ck_statements_line_count"),
        sa.CheckConstraint("brought_parts BETWEEN 0 AND 9999", name="ck_statements_brought_parts"),
        sa.CheckConstraint(
            "brought_parts + contribution_parts + acquisition_parts + override_parts"
            " - amount * 10000 BETWEEN 0 AND 9999",
            name="ck_statements_amount",
        ),
        sa.CheckConstraint("brought_debt >= 0", name="ck_statements_brought_debt"),
        sa.CheckConstraint(
            "held_reason IN ('wadah_terminated', 'agreement_ended')",
            name="ck_statements_held_reason",
        ),
        sa.CheckConstraint(
            "held_reason IS NULL OR beneficiary_kind = 'wadah'", name="ck_statements_held"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_statements"),
        sa.UniqueConstraint("beneficiary_id", "month", name="uq_statements_beneficiary_id_month"),
    )
    for column in ("month", "beneficiary_id", "wadah_id", "branch_code", "region_code"):
        op.create_index(f"ix_statements_{column}_id", "statements", [column, "id"])
    grant(op, "statements", "SELECT, INSERT")
