"""Store proposals to replace credentials of bank partners, and the credentials before them.

Only adds. The version before knows the present credentials only: between the approval of a change
and the replacement of all processes, it refuses what a bank signs with the previous ones.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0043"
down_revision = "0042"

SCRIPT = """
ALTER TABLE bank_partners
    ADD COLUMN previous_client_secret bytea,
    ADD COLUMN previous_client_secret_until timestamptz,
    ADD COLUMN previous_public_key_pem text,
    ADD COLUMN previous_public_key_until timestamptz,
    ADD COLUMN previous_allowed_sources text[],
    ADD COLUMN previous_sources_until timestamptz;
ALTER TABLE bank_partners ADD CONSTRAINT ck_bank_partners_previous_client_secret
    CHECK ((previous_client_secret IS NULL) = (previous_client_secret_until IS NULL));
ALTER TABLE bank_partners ADD CONSTRAINT ck_bank_partners_previous_public_key
    CHECK ((previous_public_key_pem IS NULL) = (previous_public_key_until IS NULL));
ALTER TABLE bank_partners ADD CONSTRAINT ck_bank_partners_previous_sources
    CHECK ((previous_allowed_sources IS NULL) = (previous_sources_until IS NULL));

CREATE TABLE bank_credential_changes (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    public_key_pem text,
    client_secret bytea,
    allowed_sources text[],
    overlap_days bigint NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    previous_until timestamptz,
    ended_by uuid,
    CONSTRAINT pk_bank_credential_changes PRIMARY KEY (id),
    CONSTRAINT fk_bank_credential_changes_partner_id FOREIGN KEY (partner_id) REFERENCES
        bank_partners (id),
    CONSTRAINT ck_bank_credential_changes_replaces CHECK (num_nonnulls(public_key_pem,
        client_secret, allowed_sources) > 0),
    CONSTRAINT ck_bank_credential_changes_overlap_days CHECK (overlap_days BETWEEN 0 AND 90),
    CONSTRAINT ck_bank_credential_changes_status CHECK (status IN ('proposed', 'approved',
        'rejected')),
    CONSTRAINT ck_bank_credential_changes_decided CHECK ((status = 'proposed') = (decided_at IS
        NULL)),
    CONSTRAINT ck_bank_credential_changes_decided_by CHECK ((decided_at IS NULL) = (decided_by IS
        NULL)),
    CONSTRAINT ck_bank_credential_changes_four_eyes CHECK (status <> 'approved' OR decided_by <>
        proposed_by),
    CONSTRAINT ck_bank_credential_changes_approved CHECK ((status = 'approved') = (previous_until IS
        NOT NULL))
);
CREATE UNIQUE INDEX uq_bank_credential_changes_open ON bank_credential_changes (partner_id)
    WHERE status = 'proposed';
CREATE INDEX ix_bank_credential_changes_partner_id_id ON bank_credential_changes (partner_id, id);
GRANT SELECT, INSERT, UPDATE ON bank_credential_changes TO {app};
"""


def upgrade() -> None:
    execute_script(op, SCRIPT)
