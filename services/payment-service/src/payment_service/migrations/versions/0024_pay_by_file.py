"""Pay by files that an officer uploads at a bank, and read the answers back.

Only adds tables, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0024"
down_revision = "0023"

TABLES = """
CREATE TABLE payout_files (
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    payout_account_id uuid NOT NULL,
    file_format text NOT NULL,
    row_count bigint NOT NULL,
    amount bigint NOT NULL,
    content bytea NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_payout_files PRIMARY KEY (id),
    CONSTRAINT ck_payout_files_rows CHECK (row_count > 0 AND amount > 0),
    CONSTRAINT fk_payout_files_run_id_payout_runs
        FOREIGN KEY (run_id) REFERENCES payout_runs (id),
    CONSTRAINT fk_payout_files_payout_account_id_payout_accounts
        FOREIGN KEY (payout_account_id) REFERENCES payout_accounts (id)
);
CREATE INDEX ix_payout_files_run_id_id ON payout_files (run_id, id);
CREATE TABLE payout_file_rows (
    file_id uuid NOT NULL,
    row_no bigint NOT NULL,
    transfer_id uuid NOT NULL,
    CONSTRAINT pk_payout_file_rows PRIMARY KEY (file_id, row_no),
    CONSTRAINT uq_payout_file_rows_transfer_id UNIQUE (transfer_id),
    CONSTRAINT fk_payout_file_rows_file_id_payout_files
        FOREIGN KEY (file_id) REFERENCES payout_files (id),
    CONSTRAINT fk_payout_file_rows_transfer_id_payout_transfers
        FOREIGN KEY (transfer_id) REFERENCES payout_transfers (id)
);
CREATE TABLE payout_answers (
    id uuid NOT NULL,
    file_id uuid NOT NULL,
    digest bytea NOT NULL,
    content bytea NOT NULL,
    status varchar(40) NOT NULL,
    row_count bigint NOT NULL,
    paid_amount bigint NOT NULL,
    failed_amount bigint NOT NULL,
    returned_amount bigint NOT NULL,
    applied_count bigint NOT NULL,
    refused_count bigint NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    done_at timestamptz,
    CONSTRAINT pk_payout_answers PRIMARY KEY (id),
    CONSTRAINT ck_payout_answers_status
        CHECK (status IN ('proposed', 'rejected', 'confirmed', 'done')),
    CONSTRAINT ck_payout_answers_decided CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT ck_payout_answers_decided_by CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT ck_payout_answers_four_eyes
        CHECK (status NOT IN ('confirmed', 'done') OR decided_by <> proposed_by),
    CONSTRAINT ck_payout_answers_done_at CHECK ((status = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT ck_payout_answers_complete CHECK (status <> 'done' OR applied_count = row_count),
    CONSTRAINT fk_payout_answers_file_id_payout_files
        FOREIGN KEY (file_id) REFERENCES payout_files (id)
);
CREATE UNIQUE INDEX uq_payout_answers_open ON payout_answers (file_id)
    WHERE status IN ('proposed', 'confirmed');
CREATE UNIQUE INDEX uq_payout_answers_digest ON payout_answers (file_id, digest)
    WHERE status <> 'rejected';
CREATE INDEX ix_payout_answers_confirmed ON payout_answers (id) WHERE status = 'confirmed';
CREATE INDEX ix_payout_answers_file_id_id ON payout_answers (file_id, id);
CREATE TABLE payout_answer_rows (
    answer_id uuid NOT NULL,
    position bigint NOT NULL,
    transfer_id uuid NOT NULL,
    outcome varchar(40) NOT NULL,
    reference_no text,
    response_code text,
    CONSTRAINT pk_payout_answer_rows PRIMARY KEY (answer_id, position),
    CONSTRAINT uq_payout_answer_rows_answer_id_transfer_id UNIQUE (answer_id, transfer_id),
    CONSTRAINT ck_payout_answer_rows_outcome CHECK (outcome IN ('paid', 'failed', 'returned')),
    CONSTRAINT fk_payout_answer_rows_answer_id_payout_answers
        FOREIGN KEY (answer_id) REFERENCES payout_answers (id),
    CONSTRAINT fk_payout_answer_rows_transfer_id_payout_transfers
        FOREIGN KEY (transfer_id) REFERENCES payout_transfers (id)
);
GRANT SELECT, INSERT ON payout_files TO {app};
GRANT SELECT, INSERT ON payout_file_rows TO {app};
GRANT SELECT, INSERT, UPDATE ON payout_answers TO {app};
GRANT SELECT, INSERT ON payout_answer_rows TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
