"""Payments: insert only."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("payment_request_id", sa.Text, nullable=False),
        sa.Column("bill_id", sa.Uuid, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("trx_date_time", sa.DateTime(timezone=True)),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel_code", sa.Text),
        sa.Column("reference_no", sa.Text),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("first_month", sa.String(7, collation="C"), nullable=False),
        sa.Column("month_count", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount > 0", name="ck_payments_amount"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_payments_bill_id"),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("bill_id", name="uq_payments_bill_id"),
        sa.UniqueConstraint(
            "partner_id", "payment_request_id", name="uq_payments_partner_id_payment_request_id"
        ),
    )
    op.create_index("ix_payments_member_id_id", "payments", ["member_id", "id"])
    grant(op, "payments", "SELECT, INSERT")
