"""Banks' messages (insert only), their recent X-EXTERNAL-IDs, and the tokens given to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from perisai_kit.db.migrations import grant

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    _create_callbacks()
    op.create_table(
        "snap_external_ids",
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("callback_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint(
            "partner_id", "scope", "day", "external_id", name="pk_snap_external_ids"
        ),
    )
    op.create_index("ix_snap_external_ids_day", "snap_external_ids", ["day"])
    grant(op, "snap_external_ids", "SELECT, INSERT, DELETE")
    op.create_table(
        "snap_access_tokens",
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["bank_partners.id"], name="fk_snap_access_tokens_partner_id"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_snap_access_tokens"),
    )
    op.create_index("ix_snap_access_tokens_expires_at", "snap_access_tokens", ["expires_at"])
    grant(op, "snap_access_tokens", "SELECT, INSERT, DELETE")


def _create_callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("signed_over", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("content_hash", sa.LargeBinary),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("http_status", sa.BigInteger, nullable=False),
        sa.Column("response_code", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("payment_id", sa.Uuid),
        sa.Column("first_id", sa.Uuid),
        sa.CheckConstraint(
            "verdict IN ('answered', 'settled', 'repeated', 'conflict', 'refused', 'turned_back')",
            name="ck_callbacks_verdict",
        ),
        sa.CheckConstraint(
            "(verdict = 'settled') = (payment_id IS NOT NULL)", name="ck_callbacks_payment_id"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_callbacks_payment_id"),
        sa.ForeignKeyConstraint(["first_id"], ["callbacks.id"], name="fk_callbacks_first_id"),
        sa.PrimaryKeyConstraint("id", name="pk_callbacks"),
    )
    op.create_index(
        "uq_callbacks_settled",
        "callbacks",
        ["partner_id", "request_id"],
        unique=True,
        postgresql_where=sa.text("verdict = 'settled'"),
    )
    op.create_index(
        "ix_callbacks_refused",
        "callbacks",
        ["partner_id", "request_id", "content_hash"],
        postgresql_where=sa.text("verdict = 'refused' AND content_hash IS NOT NULL"),
    )
    op.create_index("ix_callbacks_partner_id_id", "callbacks", ["partner_id", "id"])
    grant(op, "callbacks", "SELECT, INSERT")
