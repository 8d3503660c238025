"""Keep bank accounts and tax identities of agents and wadahs, and who an agreement pays.

Expand: new tables and nullable columns only, so the version before runs on. It goes on writing the
account of a new agent to `agents`. A stored value is sealed for its row, and a migration has no
keys, so the worker copies the accounts from there (bank_accounts/tasks.py).
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE bank_accounts (
    id uuid NOT NULL,
    holder_kind varchar(40) NOT NULL,
    holder_id uuid NOT NULL,
    bank_code text NOT NULL,
    account_no bytea NOT NULL,
    holder_name bytea NOT NULL,
    account_hash bytea NOT NULL,
    is_first boolean NOT NULL,
    name_match varchar(40),
    verified_at timestamptz,
    inquiry_count integer NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    payouts_frozen_until timestamptz,
    CONSTRAINT pk_bank_accounts PRIMARY KEY (id),
    CONSTRAINT ck_bank_accounts_holder_kind CHECK (holder_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_bank_accounts_name_match CHECK (name_match IN (
        'match', 'mismatch', 'not_found', 'not_designated', 'refused', 'unknown'
    )),
    CONSTRAINT ck_bank_accounts_status CHECK (status IN (
        'proposed', 'rejected', 'current', 'replaced'
    )),
    CONSTRAINT ck_bank_accounts_decided CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT ck_bank_accounts_four_eyes
        CHECK (status = 'rejected' OR decided_by <> proposed_by),
    CONSTRAINT ck_bank_accounts_verified
        CHECK (status NOT IN ('current', 'replaced') OR name_match = 'match'),
    CONSTRAINT ck_bank_accounts_verified_at
        CHECK ((name_match IS NULL) = (verified_at IS NULL)),
    CONSTRAINT ck_bank_accounts_frozen
        CHECK (payouts_frozen_until IS NULL OR payouts_frozen_until >= decided_at)
);
CREATE UNIQUE INDEX uq_bank_accounts_current ON bank_accounts (holder_id)
    WHERE status = 'current';
CREATE UNIQUE INDEX uq_bank_accounts_open ON bank_accounts (holder_id)
    WHERE status = 'proposed';
CREATE UNIQUE INDEX uq_bank_accounts_first ON bank_accounts (holder_id) WHERE is_first;
CREATE INDEX ix_bank_accounts_holder_id_id ON bank_accounts (holder_id, id);
CREATE INDEX ix_bank_accounts_account_hash ON bank_accounts (account_hash);
GRANT SELECT, INSERT, UPDATE (
    status, name_match, verified_at, inquiry_count, decided_by, decided_at, payouts_frozen_until
) ON bank_accounts TO {app};

CREATE TABLE tax_identities (
    id uuid NOT NULL,
    holder_kind varchar(40) NOT NULL,
    holder_id uuid NOT NULL,
    npwp bytea,
    nik_status varchar(40),
    holds_from date NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    CONSTRAINT pk_tax_identities PRIMARY KEY (id),
    CONSTRAINT ck_tax_identities_holder_kind CHECK (holder_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_tax_identities_nik_status CHECK (nik_status IN (
        'unverified', 'valid', 'invalid'
    )),
    CONSTRAINT ck_tax_identities_status CHECK (status IN ('proposed', 'approved', 'rejected')),
    CONSTRAINT ck_tax_identities_decided CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT ck_tax_identities_four_eyes
        CHECK (status <> 'approved' OR decided_by <> proposed_by),
    CONSTRAINT ck_tax_identities_nik CHECK ((holder_kind = 'agent') = (nik_status IS NOT NULL))
);
CREATE UNIQUE INDEX uq_tax_identities_open ON tax_identities (holder_id)
    WHERE status = 'proposed';
CREATE INDEX ix_tax_identities_holder_id_holds_from ON tax_identities (holder_id, holds_from);
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at) ON tax_identities TO {app};

ALTER TABLE agreements ADD COLUMN pays varchar(40);
ALTER TABLE agreements ADD CONSTRAINT ck_agreements_pays
    CHECK (pays IN ('wadah', 'agents')) NOT VALID;
ALTER TABLE agreements VALIDATE CONSTRAINT ck_agreements_pays;

ALTER TABLE applications ADD COLUMN account_corrected_by uuid;
GRANT UPDATE (bank_code, account_no, account_holder_name, account_corrected_by)
    ON applications TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
