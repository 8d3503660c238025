"""Remember that the number of an account is no longer the member's."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

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
    "phone_ended",
    "member_attached",
    "agent_role_given",
    "agent_role_taken",
    "locked_out",
)


def upgrade() -> None:
    op.add_column("accounts", sa.Column("phone_ended_at", sa.DateTime(timezone=True)))
    values = ", ".join(f"'{each}'" for each in CHANGES)
    op.drop_constraint("ck_account_changes_change", "account_changes")
    op.execute(
        "ALTER TABLE account_changes ADD CONSTRAINT ck_account_changes_change"
        f" CHECK (change IN ({values})) NOT VALID"
    )
    op.execute("ALTER TABLE account_changes VALIDATE CONSTRAINT ck_account_changes_change")
