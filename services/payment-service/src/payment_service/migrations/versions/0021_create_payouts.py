"""Pay out what statements owe: accounts of ours, runs, payouts, and the attempts at a bank.

Only adds tables, and lets the ledger book two more codes, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0021"
down_revision = "0020"

TABLES = """
CREATE TABLE payout_accounts (
    id uuid NOT NULL,
    name text NOT NULL,
    bank_partner_id uuid,
    bank_code text NOT NULL,
    channel varchar(40) NOT NULL,
    file_format text,
    daily_cap bigint NOT NULL,
    transfer_max bigint NOT NULL,
    batch_max bigint NOT NULL,
    cut_off time NOT NULL,
    status varchar(40) NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    status_changed_at timestamptz NOT NULL,
    status_changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid[] NOT NULL,
    version bigint NOT NULL,
    account_no bytea NOT NULL,
    CONSTRAINT pk_payout_accounts PRIMARY KEY (id),
    CONSTRAINT ck_payout_accounts_four_eyes CHECK (status <> 'active' OR NOT status_changed_by =
        ANY (changed_by)),
    CONSTRAINT ck_payout_accounts_partner CHECK ((channel = 'snap') = (bank_partner_id IS NOT
        NULL)),
    CONSTRAINT ck_payout_accounts_file_format CHECK ((channel = 'file') = (file_format IS NOT
        NULL)),
    CONSTRAINT ck_payout_accounts_limits CHECK (transfer_max > 0 AND daily_cap >= transfer_max
        AND batch_max > 0),
    CONSTRAINT fk_payout_accounts_bank_partner_id FOREIGN KEY (bank_partner_id) REFERENCES
        bank_partners (id),
    CONSTRAINT ck_payout_accounts_channel CHECK (channel IN ('snap', 'file')),
    CONSTRAINT ck_payout_accounts_status CHECK (status IN ('draft', 'active', 'suspended'))
);
GRANT SELECT, INSERT, UPDATE ON payout_accounts TO {app};

CREATE TABLE payout_stops (
    id uuid NOT NULL,
    number bigint NOT NULL,
    step varchar(40) NOT NULL,
    taken_by uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    reason bytea,
    CONSTRAINT pk_payout_stops PRIMARY KEY (id),
    CONSTRAINT uq_payout_stops_number UNIQUE (number),
    CONSTRAINT ck_payout_stops_step CHECK (step IN ('stopped', 'resume_proposed',
        'resume_rejected', 'resumed'))
);
GRANT SELECT, INSERT ON payout_stops TO {app};

CREATE TABLE payout_runs (
    id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    through_month varchar(7) COLLATE "C" NOT NULL,
    payout_account_id uuid NOT NULL,
    status varchar(40) NOT NULL,
    figures jsonb,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    begun_at timestamptz,
    prepared_at timestamptz,
    decided_by uuid,
    decided_at timestamptz,
    released_by uuid,
    released_at timestamptz,
    begun_sending_at timestamptz,
    done_at timestamptz,
    last_payee_id uuid,
    failure_code text,
    failed_at timestamptz,
    failure_count bigint NOT NULL,
    CONSTRAINT pk_payout_runs PRIMARY KEY (id),
    CONSTRAINT ck_payout_runs_prepared CHECK (status = 'rejected' OR (status = 'preparing') =
        (prepared_at IS NULL)),
    CONSTRAINT ck_payout_runs_figures CHECK (prepared_at IS NULL OR figures IS NOT NULL),
    CONSTRAINT ck_payout_runs_decided CHECK ((status IN ('preparing', 'proposed')) = (decided_at
        IS NULL)),
    CONSTRAINT ck_payout_runs_decided_by CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT ck_payout_runs_four_eyes CHECK (status IN ('preparing', 'proposed', 'rejected')
        OR decided_by <> proposed_by),
    CONSTRAINT ck_payout_runs_released CHECK ((status IN ('released', 'done')) = (released_at IS
        NOT NULL)),
    CONSTRAINT ck_payout_runs_released_by CHECK ((released_at IS NULL) = (released_by IS NULL)
        AND released_by <> proposed_by),
    CONSTRAINT ck_payout_runs_done CHECK ((status = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT ck_payout_runs_failed CHECK ((failure_count = 0) = (failed_at IS NULL)),
    CONSTRAINT ck_payout_runs_kind CHECK (kind IN ('incentives', 'tax')),
    CONSTRAINT fk_payout_runs_payout_account_id FOREIGN KEY (payout_account_id) REFERENCES
        payout_accounts (id),
    CONSTRAINT ck_payout_runs_status CHECK (status IN ('preparing', 'proposed', 'approved',
        'rejected', 'released', 'done'))
);
CREATE INDEX ix_payout_runs_open ON payout_runs (id) WHERE status IN ('preparing', 'released');
CREATE INDEX ix_payout_runs_status_id ON payout_runs (status, id);
GRANT SELECT, INSERT, UPDATE ON payout_runs TO {app};

CREATE TABLE payout_run_entries (
    run_id uuid NOT NULL,
    payee_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    payee_kind varchar(40) NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    gross bigint NOT NULL,
    CONSTRAINT pk_payout_run_entries PRIMARY KEY (run_id, payee_id, statement_id),
    CONSTRAINT fk_payout_run_entries_run_id FOREIGN KEY (run_id) REFERENCES payout_runs (id),
    CONSTRAINT ck_payout_run_entries_payee_kind CHECK (payee_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_payout_run_entries_beneficiary_kind CHECK (beneficiary_kind IN ('agent', 'wadah'))
);
GRANT SELECT, INSERT, DELETE ON payout_run_entries TO {app};

CREATE TABLE payout_run_omissions (
    run_id uuid NOT NULL,
    payee_id uuid NOT NULL,
    reason varchar(40) NOT NULL,
    payee_kind varchar(40) NOT NULL,
    statement_count bigint NOT NULL,
    gross bigint NOT NULL,
    CONSTRAINT pk_payout_run_omissions PRIMARY KEY (run_id, payee_id, reason),
    CONSTRAINT ck_payout_run_omissions_amounts CHECK (statement_count > 0 AND gross > 0),
    CONSTRAINT fk_payout_run_omissions_run_id FOREIGN KEY (run_id) REFERENCES payout_runs (id),
    CONSTRAINT ck_payout_run_omissions_reason CHECK (reason IN ('held', 'no_account',
        'account_frozen', 'holder_unconfirmed', 'payee_unknown', 'nothing_left',
        'over_transfer_max', 'batch_full')),
    CONSTRAINT ck_payout_run_omissions_payee_kind CHECK (payee_kind IN ('agent', 'wadah'))
);
GRANT SELECT, INSERT ON payout_run_omissions TO {app};

CREATE TABLE payouts (
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    payout_account_id uuid NOT NULL,
    payee_kind varchar(40) NOT NULL,
    payee_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    gross bigint NOT NULL,
    tax bigint NOT NULL,
    amount bigint NOT NULL,
    bank_account_id uuid,
    bank_code text NOT NULL,
    status varchar(40) NOT NULL,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    withdrawn_at timestamptz,
    withdrawn_reason varchar(40),
    account_no bytea NOT NULL,
    holder_name bytea NOT NULL,
    withdrawn_by uuid,
    CONSTRAINT pk_payouts PRIMARY KEY (id),
    CONSTRAINT uq_payouts_run_id_payee_id UNIQUE (run_id, payee_id),
    CONSTRAINT ck_payouts_amount CHECK (tax >= 0 AND amount > 0 AND amount = gross - tax),
    CONSTRAINT ck_payouts_bank_account_id CHECK ((payee_kind = 'treasury') = (bank_account_id IS
        NULL)),
    CONSTRAINT ck_payouts_settled CHECK ((status IN ('paid', 'failed', 'returned')) =
        (settled_at IS NOT NULL)),
    CONSTRAINT ck_payouts_withdrawn_reason CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS
        NULL)),
    CONSTRAINT ck_payouts_withdrawn CHECK (withdrawn_at IS NULL OR status IN ('created', 'failed')),
    CONSTRAINT fk_payouts_run_id FOREIGN KEY (run_id) REFERENCES payout_runs (id),
    CONSTRAINT fk_payouts_payout_account_id FOREIGN KEY (payout_account_id) REFERENCES
        payout_accounts (id),
    CONSTRAINT ck_payouts_payee_kind CHECK (payee_kind IN ('agent', 'wadah', 'treasury')),
    CONSTRAINT ck_payouts_status CHECK (status IN ('created', 'sent', 'unknown', 'paid',
        'failed', 'returned')),
    CONSTRAINT ck_payouts_withdrawn_reason_value CHECK (withdrawn_reason IN ('run_rejected',
        'held', 'account_changed', 'account_frozen', 'payee_changed', 'given_up'))
);
CREATE INDEX ix_payouts_payee_id_id ON payouts (payee_id, id);
CREATE INDEX ix_payouts_run_id_id ON payouts (run_id, id);
CREATE INDEX ix_payouts_status_id ON payouts (status, id);
GRANT SELECT, INSERT, UPDATE ON payouts TO {app};

CREATE TABLE payout_items (
    id uuid NOT NULL,
    payout_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    gross bigint NOT NULL,
    tax bigint NOT NULL,
    is_live boolean NOT NULL,
    CONSTRAINT pk_payout_items PRIMARY KEY (id),
    CONSTRAINT uq_payout_items_payout_id_statement_id UNIQUE (payout_id, statement_id),
    CONSTRAINT ck_payout_items_amounts CHECK (gross > 0 AND tax BETWEEN 0 AND gross),
    CONSTRAINT fk_payout_items_payout_id FOREIGN KEY (payout_id) REFERENCES payouts (id),
    CONSTRAINT fk_payout_items_statement_id FOREIGN KEY (statement_id) REFERENCES statements (id),
    CONSTRAINT ck_payout_items_beneficiary_kind CHECK (beneficiary_kind IN ('agent', 'wadah'))
);
CREATE INDEX ix_payout_items_beneficiary_id_id ON payout_items (beneficiary_id, id);
CREATE INDEX ix_payout_items_statement_id_id ON payout_items (statement_id, id);
CREATE UNIQUE INDEX uq_payout_items_live ON payout_items (statement_id) WHERE is_live;
GRANT SELECT, INSERT, UPDATE ON payout_items TO {app};

CREATE TABLE payout_remittances (
    payout_id uuid NOT NULL,
    tax_kind varchar(40) NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    billing_code text NOT NULL,
    is_open boolean NOT NULL,
    CONSTRAINT pk_payout_remittances PRIMARY KEY (payout_id),
    CONSTRAINT ck_payout_remittances_amount CHECK (amount > 0),
    CONSTRAINT ck_payout_remittances_taxed CHECK (tax_kind <> 'none'),
    CONSTRAINT fk_payout_remittances_payout_id FOREIGN KEY (payout_id) REFERENCES payouts (id),
    CONSTRAINT ck_payout_remittances_tax_kind CHECK (tax_kind IN ('pph21', 'pph23', 'none'))
);
CREATE INDEX ix_payout_remittances_month ON payout_remittances (month);
CREATE UNIQUE INDEX uq_payout_remittances_open ON payout_remittances (tax_kind, month) WHERE
    is_open;
GRANT SELECT, INSERT, UPDATE ON payout_remittances TO {app};

CREATE TABLE payout_confirmations (
    id uuid NOT NULL,
    payout_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    is_received boolean NOT NULL,
    confirmed_by uuid NOT NULL,
    confirmed_at timestamptz NOT NULL,
    CONSTRAINT pk_payout_confirmations PRIMARY KEY (id),
    CONSTRAINT fk_payout_confirmations_payout_id FOREIGN KEY (payout_id) REFERENCES payouts (id)
);
CREATE INDEX ix_payout_confirmations_payout_id_agent_id_id ON payout_confirmations (payout_id,
    agent_id, id);
GRANT SELECT, INSERT ON payout_confirmations TO {app};

CREATE TABLE payout_transfers (
    id uuid NOT NULL,
    payout_id uuid NOT NULL,
    payout_account_id uuid NOT NULL,
    attempt bigint NOT NULL,
    amount bigint NOT NULL,
    partner_reference_no text NOT NULL,
    remark_code text NOT NULL,
    service_code text NOT NULL,
    external_id text,
    request_timestamp timestamptz,
    status varchar(40) NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    settled_at timestamptz,
    reference_no text,
    response_code text,
    next_inquiry_at timestamptz,
    inquiries bigint NOT NULL,
    CONSTRAINT pk_payout_transfers PRIMARY KEY (id),
    CONSTRAINT uq_payout_transfers_payout_id_attempt UNIQUE (payout_id, attempt),
    CONSTRAINT ck_payout_transfers_amount CHECK (amount > 0),
    CONSTRAINT ck_payout_transfers_attempt CHECK (attempt > 0),
    CONSTRAINT ck_payout_transfers_service_code CHECK (service_code IN ('17', '18')),
    CONSTRAINT ck_payout_transfers_request CHECK ((external_id IS NULL) = (request_timestamp IS
        NULL)),
    CONSTRAINT ck_payout_transfers_sent CHECK (status IN ('created', 'failed') OR sent_at IS NOT
        NULL),
    CONSTRAINT ck_payout_transfers_not_sent CHECK (status <> 'created' OR sent_at IS NULL),
    CONSTRAINT ck_payout_transfers_settled CHECK ((status IN ('paid', 'failed', 'returned')) =
        (settled_at IS NOT NULL)),
    CONSTRAINT fk_payout_transfers_payout_id FOREIGN KEY (payout_id) REFERENCES payouts (id),
    CONSTRAINT fk_payout_transfers_payout_account_id FOREIGN KEY (payout_account_id) REFERENCES
        payout_accounts (id),
    CONSTRAINT uq_payout_transfers_partner_reference_no UNIQUE (partner_reference_no),
    CONSTRAINT uq_payout_transfers_remark_code UNIQUE (remark_code),
    CONSTRAINT uq_payout_transfers_external_id UNIQUE (external_id),
    CONSTRAINT ck_payout_transfers_status CHECK (status IN ('created', 'sent', 'unknown',
        'paid', 'failed', 'returned'))
);
CREATE INDEX ix_payout_transfers_next_inquiry_at ON payout_transfers (next_inquiry_at) WHERE
    status IN ('sent', 'unknown');
CREATE INDEX ix_payout_transfers_open ON payout_transfers (payout_account_id, status, id) WHERE
    status IN ('created', 'sent', 'unknown');
CREATE INDEX ix_payout_transfers_payout_account_id_sent_at ON payout_transfers
    (payout_account_id, sent_at);
CREATE UNIQUE INDEX uq_payout_transfers_in_flight ON payout_transfers (payout_id) WHERE status
    IN ('created', 'sent', 'unknown', 'paid');
GRANT SELECT, INSERT, UPDATE ON payout_transfers TO {app};

CREATE TABLE payout_transfer_changes (
    id uuid NOT NULL,
    transfer_id uuid NOT NULL,
    status varchar(40) NOT NULL,
    source varchar(40) NOT NULL,
    response_code text,
    changed_by uuid,
    changed_at timestamptz NOT NULL,
    CONSTRAINT pk_payout_transfer_changes PRIMARY KEY (id),
    CONSTRAINT ck_payout_transfer_changes_changed_by CHECK ((source = 'officer') = (changed_by
        IS NOT NULL)),
    CONSTRAINT fk_payout_transfer_changes_transfer_id FOREIGN KEY (transfer_id) REFERENCES
        payout_transfers (id),
    CONSTRAINT ck_payout_transfer_changes_status CHECK (status IN ('created', 'sent', 'unknown',
        'paid', 'failed', 'returned')),
    CONSTRAINT ck_payout_transfer_changes_source CHECK (source IN ('officer', 'worker',
        'bank_answer', 'status_inquiry', 'bank_statement', 'bank_file'))
);
CREATE INDEX ix_payout_transfer_changes_transfer_id_id ON payout_transfer_changes (transfer_id, id);
GRANT SELECT, INSERT ON payout_transfer_changes TO {app};

CREATE TABLE unpaid_months (
    month varchar(7) COLLATE "C" NOT NULL,
    unpaid_count bigint NOT NULL,
    unpaid_amount bigint NOT NULL,
    measured_at timestamptz NOT NULL,
    CONSTRAINT pk_unpaid_months PRIMARY KEY (month)
);
GRANT SELECT, INSERT, UPDATE ON unpaid_months TO {app};
"""
CODES = (
    "contribution_received",
    "contribution_suspended",
    "suspense_received",
    "suspense_applied",
    "incentive_accrued",
    "incentive_reversed",
    "incentive_forfeited",
    "incentive_paid",
    "incentive_returned",
    "tax_withheld",
    "tax_released",
    "tax_remitted",
    "correction",
)
CAUSES = ("allocation", "statement", "payout_item", "tax_remittance")


def upgrade() -> None:
    execute_script(op, TABLES)
    for column, values in {"code": CODES, "cause_kind": CAUSES}.items():
        listed = ", ".join(f"'{value}'" for value in values)
        name = f"ck_ledger_transfers_{column}"
        op.execute(f"ALTER TABLE ledger_transfers DROP CONSTRAINT {name}")
        op.execute(
            f"ALTER TABLE ledger_transfers ADD CONSTRAINT {name}"
            f" CHECK ({column} IN ({listed})) NOT VALID"
        )
    with op.get_context().autocommit_block():
        for column in ("code", "cause_kind"):
            op.execute(
                f"ALTER TABLE ledger_transfers VALIDATE CONSTRAINT ck_ledger_transfers_{column}"
            )
