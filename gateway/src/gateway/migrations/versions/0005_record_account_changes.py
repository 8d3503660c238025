"""Record every change of an account, and notices to its owner."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from perisai_kit.db.migrations.steps import grant

revision = "0005"
down_revision = "0004"

CHANGES = (
    "created",
    "roles_changed",
    "locked",
    "unlocked",
    "password_reset",
    "password_changed",
    "totp_set",
    "totp_removed",
    "totp_reset",
    "phone_changed",
    "member_attached",
    "agent_role_given",
    "agent_role_taken",
    "locked_out",
)
SOURCES = ("administrator", "owner", "sign_in", "event", "command_line", "limit", "migration")


def upgrade() -> None:
    _create_changes()
    _create_notices()
    op.add_column("accounts", sa.Column("was_agent_at", sa.DateTime(timezone=True)))
    op.add_column("accounts", sa.Column("first_signed_in_at", sa.DateTime(timezone=True)))


def _create_changes() -> None:
    op.create_table(
        "account_changes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("author_id", sa.Uuid),
        sa.Column("reason", sa.LargeBinary),
        sa.Column("request_id", sa.Text),
        sa.Column("before", postgresql.JSONB),
        sa.Column("after", postgresql.JSONB),
        sa.CheckConstraint(_one_of("change", CHANGES), name="ck_account_changes_change"),
        sa.CheckConstraint(_one_of("source", SOURCES), name="ck_account_changes_source"),
        sa.CheckConstraint(
            "source <> 'administrator' OR (author_id IS NOT NULL AND reason IS NOT NULL)",
            name="ck_account_changes_administrator",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_account_changes"),
    )
    op.create_index("ix_account_changes_account_id_id", "account_changes", ["account_id", "id"])
    grant(op, "account_changes", "SELECT, INSERT")


def _create_notices() -> None:
    op.create_table(
        "account_notices",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phone", sa.LargeBinary),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_account_notices"),
    )
    op.create_index("ix_account_notices_account_id_id", "account_notices", ["account_id", "id"])
    op.create_index(
        "ix_account_notices_next_try_at",
        "account_notices",
        ["next_try_at"],
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    grant(op, "account_notices", "SELECT, INSERT, UPDATE (phone, attempts, next_try_at, sent_at)")
    op.create_table(
        "notice_outbox",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("phone_hash", sa.LargeBinary, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice_outbox"),
    )
    op.create_index("ix_notice_outbox_phone_hash", "notice_outbox", ["phone_hash"])
    op.create_index("ix_notice_outbox_created_at", "notice_outbox", ["created_at"])
    grant(op, "notice_outbox", "SELECT, INSERT, DELETE")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"
