"""Codes that confirm a change, and notices to a number without an account."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE confirmation_codes (
    id uuid NOT NULL,
    subject_id uuid NOT NULL,
    phone_hash bytea NOT NULL,
    code_hash bytea NOT NULL,
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    CONSTRAINT pk_confirmation_codes PRIMARY KEY (id)
);
CREATE INDEX ix_confirmation_codes_subject_id_phone_hash
    ON confirmation_codes (subject_id, phone_hash);
CREATE INDEX ix_confirmation_codes_expires_at ON confirmation_codes (expires_at);
GRANT SELECT, INSERT, UPDATE (attempts, consumed_at), DELETE ON confirmation_codes TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    op.alter_column("account_notices", "account_id", existing_type=sa.Uuid, nullable=True)
    op.execute("ALTER TABLE otp_outbox ADD purpose text NOT NULL DEFAULT 'sign_in'")
