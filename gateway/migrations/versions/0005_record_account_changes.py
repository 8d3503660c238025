"""Record every change of an account, notices to owners, and agents of before."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from perisai_kit.migrations import grant

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
    # Agents who were suspended or dismissed before have left no trace here.
    op.execute("UPDATE accounts SET was_agent_at = now() WHERE agent_id IS NOT NULL")
    op.execute(
        "UPDATE accounts SET first_signed_in_at = first.at FROM"
        " (SELECT account_id, min(created_at) AS at FROM sessions GROUP BY account_id) AS first"
        " WHERE first.account_id = accounts.id"
    )
    _let_administrators_have_the_country()


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


def _let_administrators_have_the_country() -> None:
    # Without a scope an administrator had the country already. One of a branch or a region loses
    # the role: nobody becomes an administrator of more by a migration.
    op.execute(
        "UPDATE accounts SET scope_kind = 'country'"
        " WHERE 'admin' = ANY (roles) AND scope_kind IS NULL"
    )
    op.execute(
        "INSERT INTO account_changes (id, account_id, at, change, source, before, after)"
        " SELECT gen_random_uuid(), id, now(), 'roles_changed', 'migration',"
        " jsonb_build_object('roles', roles),"
        " jsonb_build_object('roles', array_remove(roles, 'admin'))"
        " FROM accounts WHERE 'admin' = ANY (roles) AND scope_kind <> 'country'"
    )
    op.execute(
        "UPDATE accounts SET roles = array_remove(roles, 'admin'), tokens_valid_from = now(),"
        " version = version + 1 WHERE 'admin' = ANY (roles) AND scope_kind <> 'country'"
    )
    op.create_check_constraint(
        "ck_accounts_admin",
        "accounts",
        "NOT 'admin' = ANY (roles) OR scope_kind IS NOT DISTINCT FROM 'country'",
    )


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"
