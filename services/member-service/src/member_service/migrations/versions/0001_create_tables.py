"""Create the tables of the kit and of this service.

What is history cannot be changed or deleted by the service. Of a fact only our answer to it, or its
withdrawal, changes.
"""

from alembic import op

from perisai_kit.db.migrations.kit_tables import (
    create_kit_tables,
    create_kit_tables_2,
    keep_authority_with_answers,
)
from perisai_kit.db.migrations.steps import execute_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE agent_decisions (
    agent_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    kind varchar(40) NOT NULL,
    CONSTRAINT pk_agent_decisions PRIMARY KEY (agent_id, decided_at, kind),
    CONSTRAINT ck_agent_decisions_kind CHECK (kind IN (
        'activated', 'reinstated', 'suspended', 'dismissed'))
);
GRANT SELECT, INSERT ON agent_decisions TO {app};

CREATE TABLE enrolment_batches (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    agent_id uuid,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    content_hash bytea NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT pk_enrolment_batches PRIMARY KEY (id)
);
GRANT SELECT, INSERT ON enrolment_batches TO {app};

CREATE TABLE handovers (
    id uuid NOT NULL,
    request_hash bytea NOT NULL,
    from_agent_id uuid NOT NULL,
    to_agent_id uuid,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    from_date date NOT NULL,
    at_once boolean NOT NULL,
    reason varchar(40) NOT NULL,
    member_count integer NOT NULL,
    skipped jsonb NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    withdrawn_by uuid,
    withdrawn_at timestamptz,
    CONSTRAINT pk_handovers PRIMARY KEY (id),
    CONSTRAINT ck_handovers_withdrawn CHECK (num_nulls(withdrawn_by, withdrawn_at) IN (0, 2)),
    CONSTRAINT ck_handovers_reason CHECK (reason IN (
        'enrolled', 'agent_left', 'member_asked', 'correction', 'branch_decision',
        'agent_dismissed', 'agent_not_at_work', 'own_membership', 'months_over'))
);
GRANT SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at) ON handovers TO {app};

CREATE TABLE holiday_corrections (
    id uuid NOT NULL,
    day date NOT NULL,
    is_holiday boolean NOT NULL,
    name text NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_holiday_corrections PRIMARY KEY (id)
);
CREATE INDEX ix_holiday_corrections_day_made_at ON holiday_corrections (day, made_at);
GRANT SELECT, INSERT ON holiday_corrections TO {app};

CREATE TABLE known_agents (
    agent_id uuid NOT NULL,
    member_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    CONSTRAINT pk_known_agents PRIMARY KEY (agent_id)
);
GRANT SELECT, INSERT, UPDATE ON known_agents TO {app};

CREATE TABLE members (
    id uuid NOT NULL,
    nik_hash bytea NOT NULL,
    nik_warnings text[] NOT NULL,
    birth_date_text bytea NOT NULL,
    sex varchar(40) NOT NULL,
    phone_hash bytea NOT NULL,
    village text NOT NULL,
    district text NOT NULL,
    occupations text[] NOT NULL,
    declared_income bigint NOT NULL,
    programmes varchar(40)[] NOT NULL,
    employs_others boolean NOT NULL,
    payer varchar(40) NOT NULL,
    new_to_bpu boolean NOT NULL,
    new_to_bpu_basis varchar(40),
    enrolled_on date NOT NULL,
    paid_through text,
    first_unpaid text,
    ends_on date,
    end_reason varchar(40),
    version integer NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    nik bytea NOT NULL,
    kk bytea,
    full_name bytea NOT NULL,
    place_of_birth bytea NOT NULL,
    phone bytea NOT NULL,
    email bytea,
    street bytea NOT NULL,
    CONSTRAINT pk_members PRIMARY KEY (id),
    CONSTRAINT ck_members_occupations CHECK (cardinality(occupations) BETWEEN 1 AND 2),
    CONSTRAINT ck_members_programmes CHECK (programmes @> ARRAY['jkk', 'jkm']::varchar[]),
    CONSTRAINT ck_members_declared_income CHECK (declared_income > 0),
    CONSTRAINT ck_members_standing CHECK (num_nulls(paid_through, first_unpaid, ends_on,
        end_reason) IN (0, 4)),
    CONSTRAINT uq_members_nik_hash UNIQUE (nik_hash),
    CONSTRAINT ck_members_sex CHECK (sex IN ('male', 'female')),
    CONSTRAINT ck_members_payer CHECK (payer IN ('self', 'sponsor', 'government')),
    CONSTRAINT ck_members_new_to_bpu_basis CHECK (new_to_bpu_basis IN (
        'member_statement', 'bpjs_record')),
    CONSTRAINT ck_members_end_reason CHECK (end_reason IN (
        'lapsed', 'death', 'claim', 'stopped_working', 'choice'))
);
CREATE INDEX ix_members_created_at_id ON members (created_at, id);
CREATE INDEX ix_members_phone_hash ON members (phone_hash);
GRANT SELECT, INSERT, UPDATE ON members TO {app};

CREATE TABLE allocations (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    bill_id uuid NOT NULL,
    member_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    counts_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    months text[] NOT NULL,
    programmes varchar(40)[] NOT NULL,
    answer_no integer NOT NULL,
    declined varchar(40),
    withdrawn text[] NOT NULL,
    first_month text,
    agent_id uuid,
    wadah_id uuid,
    branch_code text,
    region_code text,
    is_acquisition boolean NOT NULL,
    CONSTRAINT pk_allocations PRIMARY KEY (id),
    CONSTRAINT fk_allocations_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_allocations_declined CHECK (declined IN (
        'mandatory_missing', 'month_paid', 'before_first_month', 'no_registration',
        'not_declared', 'over_age', 'deceased', 'reversed'))
);
CREATE INDEX ix_allocations_member_id ON allocations (member_id);
GRANT SELECT, INSERT, UPDATE (answer_no, declined, withdrawn, first_month, agent_id, wadah_id,
    branch_code, region_code, is_acquisition) ON allocations TO {app};

CREATE TABLE allocation_reversals (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    reversed_at timestamptz NOT NULL,
    CONSTRAINT pk_allocation_reversals PRIMARY KEY (id),
    CONSTRAINT fk_allocation_reversals_member_id FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX ix_allocation_reversals_member_id ON allocation_reversals (member_id);
GRANT SELECT, INSERT ON allocation_reversals TO {app};

CREATE TABLE attribution_periods (
    member_id uuid NOT NULL,
    from_date date NOT NULL,
    until_date date NOT NULL,
    agent_id uuid,
    wadah_id uuid,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    reason varchar(40) NOT NULL,
    attribution_id uuid NOT NULL,
    agent_sees boolean NOT NULL,
    attribution_no integer NOT NULL,
    enrolled_at timestamptz NOT NULL,
    CONSTRAINT pk_attribution_periods PRIMARY KEY (member_id, from_date),
    CONSTRAINT ck_attribution_periods_agent_and_wadah CHECK ((agent_id IS NULL) = (wadah_id IS
        NULL)),
    CONSTRAINT ck_attribution_periods_dates CHECK (from_date < until_date),
    CONSTRAINT fk_attribution_periods_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_attribution_periods_reason CHECK (reason IN (
        'enrolled', 'agent_left', 'member_asked', 'correction', 'branch_decision',
        'agent_dismissed', 'agent_not_at_work', 'own_membership', 'months_over'))
);
CREATE INDEX ix_attribution_periods_agent_id ON attribution_periods (agent_id, enrolled_at,
    member_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ix_attribution_periods_attribution_id ON attribution_periods (attribution_id);
CREATE INDEX ix_attribution_periods_branch_code ON attribution_periods (branch_code,
    enrolled_at, member_id);
CREATE INDEX ix_attribution_periods_region_code ON attribution_periods (region_code,
    enrolled_at, member_id);
CREATE INDEX ix_attribution_periods_wadah_id ON attribution_periods (wadah_id, enrolled_at,
    member_id) WHERE wadah_id IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON attribution_periods TO {app};

CREATE TABLE attributions (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    agent_id uuid,
    wadah_id uuid,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    from_date date NOT NULL,
    at_once boolean NOT NULL,
    reason varchar(40) NOT NULL,
    handover_id uuid,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    withdrawn_by uuid,
    withdrawn_at timestamptz,
    CONSTRAINT pk_attributions PRIMARY KEY (id),
    CONSTRAINT ck_attributions_agent_and_wadah CHECK ((agent_id IS NULL) = (wadah_id IS NULL)),
    CONSTRAINT ck_attributions_withdrawn CHECK (num_nulls(withdrawn_by, withdrawn_at) IN (0,
        2)),
    CONSTRAINT fk_attributions_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_attributions_reason CHECK (reason IN (
        'enrolled', 'agent_left', 'member_asked', 'correction', 'branch_decision',
        'agent_dismissed', 'agent_not_at_work', 'own_membership', 'months_over'))
);
CREATE INDEX ix_attributions_agent_id ON attributions (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ix_attributions_handover_id ON attributions (handover_id) WHERE handover_id IS NOT
    NULL;
CREATE INDEX ix_attributions_member_id_made_at ON attributions (member_id, made_at);
GRANT SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at) ON attributions TO {app};

CREATE TABLE bpu_evidence (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    new_to_bpu boolean NOT NULL,
    basis varchar(40),
    recorded_by uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_bpu_evidence PRIMARY KEY (id),
    CONSTRAINT fk_bpu_evidence_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_bpu_evidence_basis CHECK (basis IN ('member_statement', 'bpjs_record'))
);
CREATE INDEX ix_bpu_evidence_member_id_recorded_at ON bpu_evidence (member_id, recorded_at);
GRANT SELECT, INSERT ON bpu_evidence TO {app};

CREATE TABLE consents (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    purpose_version text NOT NULL,
    given_at timestamptz NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_consents PRIMARY KEY (id),
    CONSTRAINT fk_consents_member_id FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX ix_consents_member_id_made_at ON consents (member_id, made_at);
GRANT SELECT, INSERT ON consents TO {app};

CREATE TABLE corrections (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    fields text[] NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    status varchar(40) NOT NULL,
    effective_at timestamptz,
    changes bytea NOT NULL,
    CONSTRAINT pk_corrections PRIMARY KEY (id),
    CONSTRAINT fk_corrections_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_corrections_status CHECK (status IN (
        'open', 'waiting', 'applied', 'rejected', 'expired'))
);
CREATE INDEX ix_corrections_member_id_proposed_at ON corrections (member_id, proposed_at);
CREATE INDEX ix_corrections_waiting ON corrections (id) WHERE status = 'waiting';
CREATE UNIQUE INDEX uq_corrections_undecided ON corrections (member_id) WHERE status IN ('open',
    'waiting');
GRANT SELECT, INSERT, UPDATE (status, effective_at) ON corrections TO {app};

CREATE TABLE enrolment_rows (
    batch_id uuid NOT NULL,
    row integer NOT NULL,
    row_id uuid,
    status varchar(40) NOT NULL,
    code text,
    errors jsonb NOT NULL,
    member_id uuid,
    CONSTRAINT pk_enrolment_rows PRIMARY KEY (batch_id, row),
    CONSTRAINT fk_enrolment_rows_batch_id FOREIGN KEY (batch_id) REFERENCES enrolment_batches
        (id),
    CONSTRAINT ck_enrolment_rows_status CHECK (status IN ('accepted', 'refused', 'duplicate'))
);
GRANT SELECT, INSERT ON enrolment_rows TO {app};

CREATE TABLE member_changes (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    version integer NOT NULL,
    changed text[] NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_member_changes PRIMARY KEY (id),
    CONSTRAINT fk_member_changes_member_id FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX ix_member_changes_member_id_made_at ON member_changes (member_id, made_at);
GRANT SELECT, INSERT ON member_changes TO {app};

CREATE TABLE reported_endings (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    last_day date NOT NULL,
    reason varchar(40) NOT NULL,
    reported_by uuid NOT NULL,
    reported_at timestamptz NOT NULL,
    withdrawn_by uuid,
    withdrawn_at timestamptz,
    CONSTRAINT pk_reported_endings PRIMARY KEY (id),
    CONSTRAINT fk_reported_endings_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_reported_endings_reason CHECK (reason IN (
        'lapsed', 'death', 'claim', 'stopped_working', 'choice'))
);
CREATE INDEX ix_reported_endings_member_id ON reported_endings (member_id);
GRANT SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at) ON reported_endings TO {app};

CREATE TABLE work_declarations (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    declared_on date NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_work_declarations PRIMARY KEY (id),
    CONSTRAINT fk_work_declarations_member_id FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX ix_work_declarations_member_id_made_at ON work_declarations (member_id, made_at);
GRANT SELECT, INSERT ON work_declarations TO {app};

CREATE TABLE correction_steps (
    id uuid NOT NULL,
    correction_id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    made_by uuid,
    made_at timestamptz NOT NULL,
    reason bytea,
    CONSTRAINT pk_correction_steps PRIMARY KEY (id),
    CONSTRAINT fk_correction_steps_correction_id FOREIGN KEY (correction_id) REFERENCES
        corrections (id),
    CONSTRAINT ck_correction_steps_kind CHECK (kind IN (
        'proposed', 'approved', 'confirmed', 'notified', 'applied', 'rejected',
        'expired'))
);
CREATE INDEX ix_correction_steps_correction_id_id ON correction_steps (correction_id, id);
GRANT SELECT, INSERT ON correction_steps TO {app};

CREATE TABLE registrations (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    began_at timestamptz NOT NULL,
    first_month text NOT NULL,
    kind varchar(40) NOT NULL,
    declaration_id uuid NOT NULL,
    age integer NOT NULL,
    ends_on date NOT NULL,
    end_reason varchar(40) NOT NULL,
    announced_at timestamptz,
    superseded_at timestamptz,
    CONSTRAINT pk_registrations PRIMARY KEY (id),
    CONSTRAINT fk_registrations_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_registrations_kind CHECK (kind IN ('first', 'return')),
    CONSTRAINT fk_registrations_declaration_id FOREIGN KEY (declaration_id) REFERENCES
        work_declarations (id),
    CONSTRAINT ck_registrations_end_reason CHECK (end_reason IN (
        'lapsed', 'death', 'claim', 'stopped_working', 'choice'))
);
CREATE INDEX ix_registrations_present ON registrations (member_id, began_at) WHERE superseded_at
    IS NULL;
CREATE INDEX ix_registrations_unannounced ON registrations (ends_on) WHERE announced_at IS NULL
    AND superseded_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON registrations TO {app};
"""


def upgrade() -> None:
    create_kit_tables(op)
    keep_authority_with_answers(op)
    create_kit_tables_2(op)
    execute_script(op, TABLES)
