"""Create accounts, sessions, one-time codes and signing keys."""

from alembic import op

from perisai_kit.db.migrations.kit_tables import create_kit_tables
from perisai_kit.db.migrations.steps import execute_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE accounts (
    id uuid CONSTRAINT pk_accounts PRIMARY KEY,
    kind text NOT NULL CONSTRAINT ck_accounts_kind CHECK (kind IN ('staff', 'person')),
    username text,
    password_hash text,
    totp_secret bytea,
    totp_confirmed_at timestamptz,
    totp_last_step bigint,
    phone bytea,
    phone_hash bytea,
    display_label bytea NOT NULL,
    member_id uuid,
    agent_id uuid,
    wadah_id uuid,
    roles text[] NOT NULL,
    scope_kind text,
    scope_code text,
    scope_region text,
    locked_at timestamptz,
    locked_by uuid,
    sessions_valid_from timestamptz,
    tokens_valid_from timestamptz,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_accounts_staff
        CHECK (kind <> 'staff' OR (username IS NOT NULL AND password_hash IS NOT NULL)),
    CONSTRAINT ck_accounts_person
        CHECK (kind <> 'person' OR (phone IS NOT NULL AND phone_hash IS NOT NULL)),
    CONSTRAINT ck_accounts_scope CHECK (
        (scope_kind IS NULL AND scope_code IS NULL AND scope_region IS NULL)
        OR (scope_kind = 'country' AND scope_code IS NULL AND scope_region IS NULL)
        OR (scope_kind = 'region' AND scope_code IS NOT NULL AND scope_region IS NULL)
        OR (scope_kind = 'branch' AND scope_code IS NOT NULL AND scope_region IS NOT NULL)
    )
);
CREATE UNIQUE INDEX uq_accounts_username ON accounts (username) WHERE username IS NOT NULL;
CREATE UNIQUE INDEX uq_accounts_member_id ON accounts (member_id) WHERE member_id IS NOT NULL;
CREATE UNIQUE INDEX uq_accounts_phone_hash_without_member ON accounts (phone_hash)
    WHERE kind = 'person' AND member_id IS NULL;
CREATE INDEX ix_accounts_phone_hash ON accounts (phone_hash);
CREATE INDEX ix_accounts_roles ON accounts USING gin (roles);
CREATE INDEX ix_accounts_tokens_valid_from ON accounts (tokens_valid_from);
GRANT SELECT, INSERT, UPDATE ON accounts TO {app};

CREATE TABLE sessions (
    id uuid CONSTRAINT pk_sessions PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT fk_sessions_account_id REFERENCES accounts (id),
    device_id text,
    amr text[] NOT NULL,
    generation bigint NOT NULL,
    token_hash bytea NOT NULL,
    previous_hash bytea,
    salt bytea NOT NULL,
    created_at timestamptz NOT NULL,
    rotated_at timestamptz,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text
);
CREATE INDEX ix_sessions_account_id ON sessions (account_id);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO {app};

CREATE TABLE otp_challenges (
    id uuid CONSTRAINT pk_otp_challenges PRIMARY KEY,
    phone_hash bytea NOT NULL,
    device_id text NOT NULL,
    code_hash bytea NOT NULL,
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX ix_otp_challenges_phone_hash_device_id ON otp_challenges (phone_hash, device_id);
CREATE INDEX ix_otp_challenges_expires_at ON otp_challenges (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON otp_challenges TO {app};

CREATE TABLE throttle_counts (
    subject bytea NOT NULL,
    window_at timestamptz NOT NULL,
    hits integer NOT NULL,
    CONSTRAINT pk_throttle_counts PRIMARY KEY (subject, window_at)
);
CREATE INDEX ix_throttle_counts_window_at ON throttle_counts (window_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON throttle_counts TO {app};

CREATE TABLE otp_outbox (
    id uuid CONSTRAINT pk_otp_outbox PRIMARY KEY,
    phone_hash bytea NOT NULL,
    code bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX ix_otp_outbox_phone_hash ON otp_outbox (phone_hash);
CREATE INDEX ix_otp_outbox_created_at ON otp_outbox (created_at);
GRANT SELECT, INSERT, DELETE ON otp_outbox TO {app};

CREATE TABLE signing_keys (
    kid text CONSTRAINT pk_signing_keys PRIMARY KEY,
    state text NOT NULL
        CONSTRAINT ck_signing_keys_state CHECK (state IN ('next', 'current', 'retired')),
    private_key bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    current_at timestamptz,
    retired_at timestamptz
);
CREATE UNIQUE INDEX uq_signing_keys_state ON signing_keys (state) WHERE state <> 'retired';
GRANT SELECT, INSERT, UPDATE, DELETE ON signing_keys TO {app};
"""


def upgrade() -> None:
    create_kit_tables(op)
    execute_script(op, _TABLES)


def downgrade() -> None:
    raise NotImplementedError("a database goes forward only; restore a backup to go back")
