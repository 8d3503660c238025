"""Notices about incentives, e-mail addresses of staff, and the accounts of former agents.

Expand: new columns without a value, a new table, and a wider check. The version before goes on
writing notices to telephones, and the outbox by number.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0018"
down_revision = "0017"

TABLES = """
ALTER TABLE account_notices ADD email bytea, ADD cause_id uuid, ADD fact text,
    ADD month varchar(7) COLLATE "C", ADD amount bigint, ADD abandoned_at timestamptz;
ALTER TABLE account_notices ADD CONSTRAINT ck_account_notices_fact
    CHECK (num_nulls(cause_id, fact, month, amount) IN (0, 4) AND amount >= 0) NOT VALID;
ALTER TABLE account_notices VALIDATE CONSTRAINT ck_account_notices_fact;
GRANT UPDATE (email, abandoned_at) ON account_notices TO {app};

ALTER TABLE notice_outbox ADD email_hash bytea, ADD text text;
ALTER TABLE notice_outbox ALTER phone_hash DROP NOT NULL;
ALTER TABLE notice_outbox ADD CONSTRAINT ck_notice_outbox_address
    CHECK (num_nonnulls(phone_hash, email_hash) = 1) NOT VALID;
ALTER TABLE notice_outbox VALIDATE CONSTRAINT ck_notice_outbox_address;

ALTER TABLE accounts ADD email bytea;

CREATE TABLE agent_accounts (
    agent_id uuid NOT NULL,
    account_id uuid NOT NULL,
    CONSTRAINT pk_agent_accounts PRIMARY KEY (agent_id)
);
GRANT SELECT, INSERT ON agent_accounts TO {app};
INSERT INTO agent_accounts (agent_id, account_id)
    SELECT (coalesce(after, before) ->> 'agent_id')::uuid, account_id FROM account_changes
    WHERE change IN ('agent_role_given', 'agent_role_taken')
    ORDER BY id
    ON CONFLICT DO NOTHING;
"""
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
    "email_changed",
    "member_attached",
    "agent_role_given",
    "agent_role_taken",
    "locked_out",
)


def upgrade() -> None:
    execute_script(op, TABLES)
    values = ", ".join(f"'{each}'" for each in CHANGES)
    op.drop_constraint("ck_account_changes_change", "account_changes")
    op.execute(
        "ALTER TABLE account_changes ADD CONSTRAINT ck_account_changes_change"
        f" CHECK (change IN ({values})) NOT VALID"
    )
    op.execute("ALTER TABLE account_changes VALIDATE CONSTRAINT ck_account_changes_change")
