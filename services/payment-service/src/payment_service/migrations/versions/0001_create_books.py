"""Create the kit's tables, banks, the ledger, orders, bills, payments and banks' messages."""

from alembic import op

from perisai_kit.db.migrations.kit_tables import (
    create_kit_tables,
    create_kit_tables_2,
    keep_authority_with_answers,
)
from perisai_kit.db.migrations.steps import execute_script

revision = "0001"
down_revision = None

# Insert only: the ledger, orders, lines of bills, payments, allocations and messages.
# MAINTAIN (PostgreSQL 17): the lock that balance snapshots took against writers; changes no row.
TABLES = """
CREATE SEQUENCE virtual_account_serials START 1;
GRANT USAGE ON SEQUENCE virtual_account_serials TO {app};

CREATE TABLE bank_partners (
    id uuid NOT NULL,
    name text NOT NULL,
    profile text NOT NULL,
    status varchar(40) NOT NULL,
    company_code text NOT NULL,
    bank_code text NOT NULL,
    client_id text NOT NULL,
    public_key_pem text NOT NULL,
    allowed_sources text[] NOT NULL,
    replay_answer varchar(40),
    trust_bank_time boolean NOT NULL,
    keeps_refused_money boolean NOT NULL,
    client_secret bytea NOT NULL,
    outbound_client_secret bytea,
    outbound_private_key_pem bytea,
    base_url text,
    outbound_client_id text,
    x_partner_id text,
    channel_id text,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    status_changed_at timestamptz NOT NULL,
    status_changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid[] NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT pk_bank_partners PRIMARY KEY (id),
    CONSTRAINT ck_bank_partners_status CHECK (status IN ('draft', 'active', 'suspended')),
    CONSTRAINT ck_bank_partners_four_eyes CHECK (status <> 'active' OR NOT status_changed_by = ANY
        (changed_by)),
    CONSTRAINT uq_bank_partners_client_id UNIQUE (client_id),
    CONSTRAINT ck_bank_partners_replay_answer CHECK (replay_answer IN ('2002500', '4042518'))
);
GRANT SELECT, INSERT, UPDATE ON bank_partners TO {app};

CREATE TABLE ledger_transfers (
    id bigint GENERATED ALWAYS AS IDENTITY,
    debit_account text COLLATE "C" NOT NULL,
    credit_account text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    code text NOT NULL,
    cause_kind text NOT NULL,
    cause_id uuid NOT NULL,
    business_on date NOT NULL,
    booked_at timestamptz NOT NULL,
    correction_of bigint,
    CONSTRAINT pk_ledger_transfers PRIMARY KEY (id),
    CONSTRAINT ck_ledger_transfers_amount CHECK (amount > 0),
    CONSTRAINT ck_ledger_transfers_two_accounts CHECK (debit_account <> credit_account),
    CONSTRAINT ck_ledger_transfers_code CHECK (code IN ('contribution_received',
        'contribution_suspended', 'suspense_received', 'suspense_applied',
        'incentive_accrued', 'incentive_reversed', 'correction')),
    CONSTRAINT ck_ledger_transfers_correction CHECK ((code = 'correction') = (correction_of IS
        NOT NULL)),
    CONSTRAINT ck_ledger_transfers_cause_kind CHECK (cause_kind IN ('allocation', 'statement')),
    CONSTRAINT fk_ledger_transfers_correction_of FOREIGN KEY (correction_of) REFERENCES
        ledger_transfers (id)
);
CREATE UNIQUE INDEX uq_ledger_transfers_correction_of ON ledger_transfers (correction_of)
    WHERE correction_of IS NOT NULL;
CREATE INDEX ix_ledger_transfers_cause_id_id ON ledger_transfers (cause_id, id);
CREATE INDEX ix_ledger_transfers_credit_account_id ON ledger_transfers (credit_account, id);
CREATE INDEX ix_ledger_transfers_debit_account_id ON ledger_transfers (debit_account, id);
GRANT SELECT, INSERT, MAINTAIN ON ledger_transfers TO {app};

CREATE TABLE ledger_postings (
    cause_id uuid NOT NULL,
    code text NOT NULL,
    CONSTRAINT pk_ledger_postings PRIMARY KEY (cause_id, code)
);
GRANT SELECT, INSERT ON ledger_postings TO {app};

CREATE TABLE ledger_balance_snapshots (
    through_id bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    debits bigint NOT NULL,
    credits bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    CONSTRAINT pk_ledger_balance_snapshots PRIMARY KEY (through_id, account)
);
GRANT SELECT, INSERT ON ledger_balance_snapshots TO {app};

CREATE TABLE attributed_members (
    member_id uuid NOT NULL,
    attribution_no bigint NOT NULL,
    CONSTRAINT pk_attributed_members PRIMARY KEY (member_id)
);
GRANT SELECT, INSERT, UPDATE ON attributed_members TO {app};

CREATE TABLE attribution_periods (
    member_id uuid NOT NULL,
    from_date date NOT NULL,
    until_date date NOT NULL,
    agent_id uuid,
    wadah_id uuid,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    agent_sees boolean NOT NULL,
    CONSTRAINT pk_attribution_periods PRIMARY KEY (member_id, from_date),
    CONSTRAINT fk_attribution_periods_member_id FOREIGN KEY (member_id) REFERENCES
        attributed_members (member_id)
);
CREATE INDEX ix_attribution_periods_agent_id ON attribution_periods (agent_id) WHERE agent_id IS
    NOT NULL;
CREATE INDEX ix_attribution_periods_branch_code ON attribution_periods (branch_code);
CREATE INDEX ix_attribution_periods_region_code ON attribution_periods (region_code);
CREATE INDEX ix_attribution_periods_wadah_id ON attribution_periods (wadah_id) WHERE wadah_id IS
    NOT NULL;
GRANT SELECT, INSERT, DELETE ON attribution_periods TO {app};

CREATE TABLE orders (
    id uuid NOT NULL,
    bill_count bigint NOT NULL,
    amount bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by uuid NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (id),
    CONSTRAINT ck_orders_amount CHECK (amount > 0),
    CONSTRAINT ck_orders_bill_count CHECK (bill_count BETWEEN 1 AND 100)
);
CREATE INDEX ix_orders_many ON orders (id) WHERE bill_count > 1;
GRANT SELECT, INSERT ON orders TO {app};

CREATE TABLE virtual_accounts (
    partner_id uuid NOT NULL,
    customer_no text NOT NULL,
    order_id uuid NOT NULL,
    partner_name text NOT NULL,
    company_code text NOT NULL,
    number text NOT NULL,
    shown_name bytea NOT NULL,
    CONSTRAINT pk_virtual_accounts PRIMARY KEY (partner_id, customer_no),
    CONSTRAINT fk_virtual_accounts_order_id FOREIGN KEY (order_id) REFERENCES orders (id)
);
CREATE INDEX ix_virtual_accounts_order_id ON virtual_accounts (order_id);
GRANT SELECT, INSERT, UPDATE (shown_name) ON virtual_accounts TO {app};

CREATE TABLE renamed_members (
    member_id uuid NOT NULL,
    noted_at timestamptz NOT NULL,
    again_at timestamptz,
    CONSTRAINT pk_renamed_members PRIMARY KEY (member_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON renamed_members TO {app};

CREATE TABLE bills (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    member_id uuid NOT NULL,
    status varchar(40) NOT NULL,
    sector varchar(40) NOT NULL,
    declared_income bigint NOT NULL,
    employs_others boolean NOT NULL,
    payer varchar(40) NOT NULL,
    first_month varchar(7) COLLATE "C" NOT NULL,
    month_count bigint NOT NULL,
    amount bigint NOT NULL,
    relief_amount bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    paid_at timestamptz,
    withdrawn_at timestamptz,
    withdrawn_by uuid,
    void_reason varchar(40),
    replaced_by uuid,
    display_name bytea NOT NULL,
    CONSTRAINT pk_bills PRIMARY KEY (id),
    CONSTRAINT fk_bills_order_id FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT ck_bills_amount CHECK (amount > 0),
    CONSTRAINT ck_bills_month_count CHECK (month_count BETWEEN 1 AND 12),
    CONSTRAINT ck_bills_paid_at CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
    CONSTRAINT ck_bills_withdrawn_at CHECK (status NOT IN ('replaced', 'void') OR withdrawn_at IS
        NOT NULL),
    CONSTRAINT ck_bills_replaced_by CHECK (status <> 'replaced' OR replaced_by IS NOT NULL),
    CONSTRAINT ck_bills_void_reason CHECK (status <> 'void' OR void_reason IS NOT NULL),
    CONSTRAINT ck_bills_status CHECK (status IN ('open', 'paid', 'replaced', 'void', 'ended')),
    CONSTRAINT ck_bills_sector CHECK (sector IN ('transport', 'other')),
    CONSTRAINT ck_bills_payer CHECK (payer IN ('self', 'sponsor', 'government')),
    CONSTRAINT ck_bills_void_reason_choice CHECK (void_reason IN ('wrong_months', 'wrong_data',
        'member_request', 'registration_ended', 'months_paid'))
);
CREATE INDEX ix_bills_order_id_id ON bills (order_id, id);
CREATE INDEX ix_bills_member_id_id ON bills (member_id, id);
CREATE INDEX ix_bills_open ON bills (expires_at, id) WHERE status = 'open';
CREATE UNIQUE INDEX uq_bills_open ON bills (member_id) WHERE status = 'open';
GRANT SELECT, INSERT, UPDATE ON bills TO {app};

CREATE TABLE bill_lines (
    bill_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    programme varchar(40) NOT NULL,
    band bigint NOT NULL,
    reference_income bigint NOT NULL,
    full_amount bigint NOT NULL,
    relief_bps bigint NOT NULL,
    relief_amount bigint NOT NULL,
    relief_basis text,
    amount bigint NOT NULL,
    CONSTRAINT pk_bill_lines PRIMARY KEY (bill_id, month, programme),
    CONSTRAINT ck_bill_lines_amount CHECK (amount > 0 AND relief_amount >= 0 AND amount =
        full_amount - relief_amount),
    CONSTRAINT ck_bill_lines_relief_basis CHECK ((relief_bps = 0) = (relief_basis IS NULL)),
    CONSTRAINT fk_bill_lines_bill_id FOREIGN KEY (bill_id) REFERENCES bills (id),
    CONSTRAINT ck_bill_lines_programme CHECK (programme IN ('jkk', 'jkm', 'jht'))
);
GRANT SELECT, INSERT ON bill_lines TO {app};

CREATE TABLE payments (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    payment_request_id text NOT NULL,
    order_id uuid NOT NULL,
    amount bigint NOT NULL,
    trx_date_time timestamptz,
    received_at timestamptz NOT NULL,
    paid_at timestamptz NOT NULL,
    channel_code text,
    reference_no text,
    CONSTRAINT pk_payments PRIMARY KEY (id),
    CONSTRAINT ck_payments_amount CHECK (amount > 0),
    CONSTRAINT fk_payments_order_id FOREIGN KEY (order_id) REFERENCES orders (id)
);
CREATE INDEX ix_payments_order_id ON payments (order_id);
GRANT SELECT, INSERT ON payments TO {app};

CREATE TABLE allocations (
    payment_id uuid NOT NULL,
    id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    bill_id uuid,
    member_id uuid,
    amount bigint NOT NULL,
    counts_at timestamptz NOT NULL,
    reason varchar(40),
    reverses uuid,
    allocated_at timestamptz NOT NULL,
    CONSTRAINT pk_allocations PRIMARY KEY (payment_id, id),
    CONSTRAINT ck_allocations_amount CHECK (amount <> 0 AND (amount < 0) = (reverses IS NOT NULL)),
    CONSTRAINT ck_allocations_bill CHECK (kind <> 'bill' OR num_nulls(bill_id, member_id) = 0),
    CONSTRAINT ck_allocations_kind CHECK (kind IN ('bill', 'suspense')),
    CONSTRAINT ck_allocations_reason_choice CHECK (reason IN ('bill_paid', 'bill_replaced',
        'bill_void', 'bill_ended', 'amount_mismatch', 'declined', 'allocated')),
    CONSTRAINT ck_allocations_reason CHECK ((reason IS NULL) = (kind = 'bill' AND amount > 0)),
    CONSTRAINT fk_allocations_payment_id FOREIGN KEY (payment_id) REFERENCES payments (id)
);
CREATE INDEX ix_allocations_member_id_payment_id ON allocations (member_id, payment_id);
CREATE UNIQUE INDEX uq_allocations_reverses ON allocations (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX ix_allocations_suspense ON allocations (id) WHERE kind = 'suspense' AND amount > 0;
GRANT SELECT, INSERT ON allocations TO {app};

CREATE TABLE suspense_owners (
    item_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    owned_since timestamptz NOT NULL,
    CONSTRAINT pk_suspense_owners PRIMARY KEY (item_id)
);
GRANT SELECT, INSERT, UPDATE ON suspense_owners TO {app};

CREATE TABLE suspense_proposals (
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    bill_id uuid NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    allocation_id uuid,
    CONSTRAINT pk_suspense_proposals PRIMARY KEY (id),
    CONSTRAINT fk_suspense_proposals_bill_id FOREIGN KEY (bill_id) REFERENCES bills (id),
    CONSTRAINT fk_suspense_proposals_payment_id FOREIGN KEY (payment_id, item_id) REFERENCES
        allocations (payment_id, id),
    CONSTRAINT ck_suspense_proposals_decided CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT ck_suspense_proposals_four_eyes CHECK (status <> 'approved' OR decided_by <>
        proposed_by),
    CONSTRAINT ck_suspense_proposals_allocated CHECK ((status = 'approved') = (allocation_id IS
        NOT NULL)),
    CONSTRAINT ck_suspense_proposals_status CHECK (status IN ('proposed', 'approved', 'rejected'))
);
CREATE UNIQUE INDEX uq_suspense_proposals_open ON suspense_proposals (item_id) WHERE status =
    'proposed';
CREATE INDEX ix_suspense_proposals_item_id_id ON suspense_proposals (item_id, id);
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at, allocation_id) ON
    suspense_proposals TO {app};

CREATE TABLE payment_requests (
    partner_id uuid NOT NULL,
    request_id text NOT NULL,
    payment_id uuid NOT NULL,
    callback_id uuid NOT NULL,
    CONSTRAINT pk_payment_requests PRIMARY KEY (partner_id, request_id)
);
GRANT SELECT, INSERT ON payment_requests TO {app};

CREATE TABLE callbacks (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    service text NOT NULL,
    received_at timestamptz NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    headers jsonb NOT NULL,
    external_id text NOT NULL,
    signed_over text NOT NULL,
    request_id text,
    content_hash bytea,
    verdict varchar(40) NOT NULL,
    http_status bigint NOT NULL,
    response_code text NOT NULL,
    payment_id uuid,
    first_id uuid,
    dropped_fields text[],
    body bytea NOT NULL,
    answer bytea NOT NULL,
    CONSTRAINT pk_callbacks PRIMARY KEY (id),
    CONSTRAINT ck_callbacks_payment_id CHECK ((verdict = 'settled') = (payment_id IS NOT NULL)),
    CONSTRAINT ck_callbacks_verdict CHECK (verdict IN ('answered', 'settled', 'repeated',
        'conflict', 'refused', 'turned_back'))
);
CREATE INDEX ix_callbacks_partner_id_id ON callbacks (partner_id, id);
CREATE INDEX ix_callbacks_refused ON callbacks (partner_id, request_id, content_hash) WHERE
    verdict = 'refused' AND content_hash IS NOT NULL;
GRANT SELECT, INSERT ON callbacks TO {app};

CREATE TABLE snap_external_ids (
    partner_id uuid NOT NULL,
    scope text NOT NULL,
    day date NOT NULL,
    external_id text NOT NULL,
    callback_id uuid NOT NULL,
    CONSTRAINT pk_snap_external_ids PRIMARY KEY (partner_id, scope, day, external_id)
);
CREATE INDEX ix_snap_external_ids_day ON snap_external_ids (day);
GRANT SELECT, INSERT, DELETE ON snap_external_ids TO {app};

CREATE TABLE snap_access_tokens (
    token_hash bytea NOT NULL,
    partner_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_snap_access_tokens PRIMARY KEY (token_hash),
    CONSTRAINT fk_snap_access_tokens_partner_id FOREIGN KEY (partner_id) REFERENCES bank_partners
);
CREATE INDEX ix_snap_access_tokens_expires_at ON snap_access_tokens (expires_at);
GRANT SELECT, INSERT, DELETE ON snap_access_tokens TO {app};

CREATE TABLE snap_unproven_requests (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    service text NOT NULL,
    received_at timestamptz NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    timestamp text,
    external_id text,
    request_id text,
    failed_check varchar(40) NOT NULL,
    string_to_sign text,
    signed_over text,
    http_status bigint NOT NULL,
    response_code text NOT NULL,
    response_message text NOT NULL,
    CONSTRAINT pk_snap_unproven_requests PRIMARY KEY (id),
    CONSTRAINT fk_snap_unproven_requests_partner_id FOREIGN KEY (partner_id) REFERENCES
        bank_partners (id),
    CONSTRAINT ck_snap_unproven_requests_failed_check CHECK (failed_check IN ('source',
        'headers', 'token', 'client', 'timestamp', 'signature', 'grant'))
);
CREATE INDEX ix_snap_unproven_requests_partner_id_id ON snap_unproven_requests (partner_id, id);
GRANT SELECT, INSERT, DELETE ON snap_unproven_requests TO {app};
"""


def upgrade() -> None:
    create_kit_tables(op)
    keep_authority_with_answers(op)
    create_kit_tables_2(op)
    execute_script(op, TABLES)
