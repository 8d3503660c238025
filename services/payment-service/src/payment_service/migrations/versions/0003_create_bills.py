"""Bills, their lines, and where they can be paid."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0003"
down_revision = "0002"

CHOICE = sa.String(40)
MONTH = sa.String(7, collation="C")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE virtual_account_serials START 1")
    grant(op, "SEQUENCE virtual_account_serials", "USAGE")
    _create_bills()
    _create_lines()
    _create_virtual_accounts()


def _create_bills() -> None:
    op.create_table(
        "bills",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("status", CHOICE, nullable=False),
        sa.Column("display_name", sa.LargeBinary, nullable=False),
        sa.Column("sector", CHOICE, nullable=False),
        sa.Column("declared_income", sa.BigInteger, nullable=False),
        sa.Column("employs_others", sa.Boolean, nullable=False),
        sa.Column("payer", CHOICE, nullable=False),
        sa.Column("first_month", MONTH, nullable=False),
        sa.Column("month_count", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("relief_amount", sa.BigInteger, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Uuid, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True)),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("cancelled_by", sa.Uuid),
        sa.Column("cancellation_reason", CHOICE),
        sa.PrimaryKeyConstraint("id", name="pk_bills"),
        *_bill_checks(),
    )
    op.create_index("ix_bills_member_id_id", "bills", ["member_id", "id"])
    op.create_index(
        "ix_bills_open", "bills", ["expires_at", "id"], postgresql_where=sa.text("status = 'open'")
    )
    op.create_index(
        "uq_bills_open",
        "bills",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    grant(op, "bills", "SELECT, INSERT, UPDATE")


def _bill_checks() -> list[sa.CheckConstraint]:
    checks = {
        "status": "status IN ('open', 'paid', 'cancelled', 'expired')",
        "sector": "sector IN ('transport', 'other')",
        "payer": "payer IN ('self', 'sponsor', 'government')",
        "cancellation_reason": (
            "cancellation_reason IN ('wrong_months', 'wrong_data', 'member_request', 'replaced',"
            " 'registration_ended')"
        ),
        "amount": "amount > 0",
        "month_count": "month_count BETWEEN 1 AND 12",
        "paid_at": "(status = 'paid') = (paid_at IS NOT NULL)",
        "cancelled": (
            "(status = 'cancelled') = (num_nulls(cancelled_at, cancellation_reason) = 0)"
        ),
    }
    return [sa.CheckConstraint(text, name=f"ck_bills_{name}") for name, text in checks.items()]


def _create_lines() -> None:
    op.create_table(
        "bill_lines",
        sa.Column("bill_id", sa.Uuid, nullable=False),
        sa.Column("month", MONTH, nullable=False),
        sa.Column("programme", CHOICE, nullable=False),
        sa.Column("band", sa.BigInteger, nullable=False),
        sa.Column("reference_income", sa.BigInteger, nullable=False),
        sa.Column("full_amount", sa.BigInteger, nullable=False),
        sa.Column("relief_bps", sa.BigInteger, nullable=False),
        sa.Column("relief_amount", sa.BigInteger, nullable=False),
        sa.Column("relief_basis", sa.Text),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("programme IN ('jkk', 'jkm', 'jht')", name="ck_bill_lines_programme"),
        sa.CheckConstraint(
            "amount > 0 AND relief_amount >= 0 AND amount = full_amount - relief_amount",
            name="ck_bill_lines_amount",
        ),
        sa.CheckConstraint(
            "(relief_bps = 0) = (relief_basis IS NULL)", name="ck_bill_lines_relief_basis"
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_bill_lines_bill_id"),
        sa.PrimaryKeyConstraint("bill_id", "month", "programme", name="pk_bill_lines"),
    )
    grant(op, "bill_lines", "SELECT, INSERT")


def _create_virtual_accounts() -> None:
    op.create_table(
        "virtual_accounts",
        sa.Column("bill_id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("partner_name", sa.Text, nullable=False),
        sa.Column("company_code", sa.Text, nullable=False),
        sa.Column("customer_no", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_virtual_accounts_bill_id"),
        sa.PrimaryKeyConstraint("bill_id", "partner_id", name="pk_virtual_accounts"),
    )
    op.create_index(
        "uq_virtual_accounts_number", "virtual_accounts", ["partner_id", "customer_no"], unique=True
    )
    grant(op, "virtual_accounts", "SELECT, INSERT")
