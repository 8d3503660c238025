"""Calls in a partner's name that nobody has proven to be the partner's; soon forgotten."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0030"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "snap_unproven_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("timestamp", sa.Text),
        sa.Column("external_id", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("failed_check", sa.String(40), nullable=False),
        sa.Column("string_to_sign", sa.Text),
        sa.Column("signed_over", sa.Text),
        sa.Column("http_status", sa.BigInteger, nullable=False),
        sa.Column("response_code", sa.Text, nullable=False),
        sa.Column("response_message", sa.Text, nullable=False),
        sa.CheckConstraint(
            "failed_check IN ('source', 'headers', 'token', 'client', 'timestamp', 'signature',"
            " 'grant')",
            name="ck_snap_unproven_requests_failed_check",
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["bank_partners.id"], name="fk_snap_unproven_requests_partner_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_snap_unproven_requests"),
    )
    op.create_index(
        "ix_snap_unproven_requests_partner_id_id", "snap_unproven_requests", ["partner_id", "id"]
    )
    grant(op, "snap_unproven_requests", "SELECT, INSERT, DELETE")
