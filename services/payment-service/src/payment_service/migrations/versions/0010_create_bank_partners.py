"""Bank partners. Nothing is ever deleted."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0010"
down_revision = "0005"

CHOICE = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "bank_partners",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("status", CHOICE, nullable=False),
        sa.Column("company_code", sa.Text, nullable=False),
        sa.Column("bank_code", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("client_secret", sa.LargeBinary, nullable=False),
        sa.Column("public_key_pem", sa.Text, nullable=False),
        sa.Column("allowed_sources", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("replay_answer", CHOICE),
        sa.Column("trust_bank_time", sa.Boolean, nullable=False),
        sa.Column("base_url", sa.Text),
        sa.Column("outbound_client_id", sa.Text),
        sa.Column("outbound_client_secret", sa.LargeBinary),
        sa.Column("outbound_private_key_pem", sa.LargeBinary),
        sa.Column("x_partner_id", sa.Text),
        sa.Column("channel_id", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid, nullable=False),
        sa.Column("status_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_changed_by", sa.Uuid, nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'active', 'suspended')", name="ck_bank_partners_status"
        ),
        sa.CheckConstraint(
            "replay_answer IN ('2002500', '4042518')", name="ck_bank_partners_replay_answer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_bank_partners"),
        sa.UniqueConstraint("client_id", name="uq_bank_partners_client_id"),
    )
    grant(op, "bank_partners", "SELECT, INSERT, UPDATE")
