"""Create the kit's tables, branches, wadahs, applications, agents and activity.

What is history cannot be changed or deleted by the service: agreements, checks, trainings, exams
and changes of status.
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
CREATE TABLE branches (
    code text NOT NULL,
    name text NOT NULL,
    region_code text NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by uuid NOT NULL,
    CONSTRAINT pk_branches PRIMARY KEY (code)
);
CREATE INDEX ix_branches_region_code ON branches (region_code);
GRANT SELECT, INSERT ON branches TO {app};

CREATE TABLE wadahs (
    id uuid NOT NULL,
    name text NOT NULL,
    kind varchar(40) NOT NULL,
    legal_entity boolean NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    status varchar(40) NOT NULL,
    reason_code varchar(40),
    agent_count integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    CONSTRAINT pk_wadahs PRIMARY KEY (id),
    CONSTRAINT ck_wadahs_agent_count CHECK (agent_count >= 0),
    CONSTRAINT ck_wadahs_kind CHECK (kind IN ('organisation', 'association')),
    CONSTRAINT fk_wadahs_branch_code FOREIGN KEY (branch_code) REFERENCES branches (code),
    CONSTRAINT ck_wadahs_status CHECK (status IN ('registered', 'terminated')),
    CONSTRAINT ck_wadahs_reason_code CHECK (reason_code IN (
        'below_target', 'agreement_ended', 'fraud', 'own_request', 'other'
    ))
);
CREATE INDEX ix_wadahs_branch_code_id ON wadahs (branch_code, id);
CREATE INDEX ix_wadahs_region_code_id ON wadahs (region_code, id);
GRANT SELECT, INSERT, UPDATE (status, reason_code, agent_count) ON wadahs TO {app};

CREATE TABLE agreements (
    id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    number text NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by uuid NOT NULL,
    CONSTRAINT pk_agreements PRIMARY KEY (id),
    CONSTRAINT uq_agreements_wadah_id_number UNIQUE (wadah_id, number),
    CONSTRAINT ck_agreements_period CHECK (ends_on >= starts_on),
    CONSTRAINT fk_agreements_wadah_id FOREIGN KEY (wadah_id) REFERENCES wadahs (id)
);
CREATE INDEX ix_agreements_wadah_id_ends_on ON agreements (wadah_id, ends_on);
GRANT SELECT, INSERT ON agreements TO {app};

CREATE TABLE wadah_changes (
    id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    from_status varchar(40),
    to_status varchar(40) NOT NULL,
    reason_code text,
    reason bytea,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    CONSTRAINT pk_wadah_changes PRIMARY KEY (id),
    CONSTRAINT fk_wadah_changes_wadah_id FOREIGN KEY (wadah_id) REFERENCES wadahs (id),
    CONSTRAINT ck_wadah_changes_from_status CHECK (from_status IN ('registered', 'terminated')),
    CONSTRAINT ck_wadah_changes_to_status CHECK (to_status IN ('registered', 'terminated'))
);
CREATE INDEX ix_wadah_changes_wadah_id_id ON wadah_changes (wadah_id, id);
GRANT SELECT, INSERT ON wadah_changes TO {app};

CREATE TABLE applications (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    device_id text NOT NULL,
    account_member_id uuid,
    member_id uuid,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    nik bytea NOT NULL,
    nik_hash bytea NOT NULL,
    nik_warnings text[] NOT NULL,
    birth_date bytea NOT NULL,
    full_name bytea NOT NULL,
    citizenship varchar(40) NOT NULL,
    not_bpjs_employee boolean NOT NULL,
    bank_code text NOT NULL,
    account_no bytea NOT NULL,
    account_holder_name bytea NOT NULL,
    device_description text NOT NULL,
    status varchar(40) NOT NULL,
    reason_code text,
    applied_at timestamptz NOT NULL,
    CONSTRAINT pk_applications PRIMARY KEY (id),
    CONSTRAINT fk_applications_wadah_id FOREIGN KEY (wadah_id) REFERENCES wadahs (id),
    CONSTRAINT fk_applications_branch_code FOREIGN KEY (branch_code) REFERENCES branches (code),
    CONSTRAINT ck_applications_citizenship CHECK (citizenship IN ('wni', 'wna')),
    CONSTRAINT ck_applications_status CHECK (status IN (
        'applied', 'docs_incomplete', 'verified', 'training', 'exam_passed', 'exam_failed',
        'active', 'rejected', 'withdrawn'
    ))
);
CREATE INDEX ix_applications_account_id_id ON applications (account_id, id);
CREATE INDEX ix_applications_branch_code_id ON applications (branch_code, id);
CREATE INDEX ix_applications_region_code_id ON applications (region_code, id);
CREATE INDEX ix_applications_wadah_id_id ON applications (wadah_id, id);
CREATE UNIQUE INDEX uq_applications_account_id ON applications (account_id)
    WHERE status NOT IN ('active', 'rejected', 'withdrawn');
CREATE UNIQUE INDEX uq_applications_nik_hash ON applications (nik_hash)
    WHERE status NOT IN ('active', 'rejected', 'withdrawn');
GRANT SELECT, INSERT, UPDATE (status, reason_code, member_id, account_member_id)
    ON applications TO {app};

CREATE TABLE application_checks (
    id uuid NOT NULL,
    application_id uuid NOT NULL,
    requirement text NOT NULL,
    outcome varchar(40) NOT NULL,
    reason_code text,
    checked_at timestamptz NOT NULL,
    checked_by uuid NOT NULL,
    CONSTRAINT pk_application_checks PRIMARY KEY (id),
    CONSTRAINT fk_application_checks_application_id
        FOREIGN KEY (application_id) REFERENCES applications (id),
    CONSTRAINT ck_application_checks_outcome CHECK (outcome IN ('met', 'unmet', 'unknown'))
);
CREATE INDEX ix_application_checks_application_id_requirement_id
    ON application_checks (application_id, requirement, id);
GRANT SELECT, INSERT ON application_checks TO {app};

CREATE TABLE application_trainings (
    id uuid NOT NULL,
    application_id uuid NOT NULL,
    completed_on date NOT NULL,
    certificate_no text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by uuid NOT NULL,
    CONSTRAINT pk_application_trainings PRIMARY KEY (id),
    CONSTRAINT fk_application_trainings_application_id
        FOREIGN KEY (application_id) REFERENCES applications (id)
);
CREATE INDEX ix_application_trainings_application_id_id
    ON application_trainings (application_id, id);
GRANT SELECT, INSERT ON application_trainings TO {app};

CREATE TABLE application_exams (
    id uuid NOT NULL,
    application_id uuid NOT NULL,
    taken_on date NOT NULL,
    passed boolean NOT NULL,
    score integer,
    recorded_at timestamptz NOT NULL,
    recorded_by uuid NOT NULL,
    CONSTRAINT pk_application_exams PRIMARY KEY (id),
    CONSTRAINT ck_application_exams_score CHECK (score >= 0),
    CONSTRAINT fk_application_exams_application_id
        FOREIGN KEY (application_id) REFERENCES applications (id)
);
CREATE INDEX ix_application_exams_application_id_id ON application_exams (application_id, id);
GRANT SELECT, INSERT ON application_exams TO {app};

CREATE TABLE application_changes (
    id uuid NOT NULL,
    application_id uuid NOT NULL,
    from_status varchar(40),
    to_status varchar(40) NOT NULL,
    reason_code text,
    reason bytea,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    CONSTRAINT pk_application_changes PRIMARY KEY (id),
    CONSTRAINT fk_application_changes_application_id
        FOREIGN KEY (application_id) REFERENCES applications (id),
    CONSTRAINT ck_application_changes_from_status CHECK (from_status IN (
        'applied', 'docs_incomplete', 'verified', 'training', 'exam_passed', 'exam_failed',
        'active', 'rejected', 'withdrawn'
    )),
    CONSTRAINT ck_application_changes_to_status CHECK (to_status IN (
        'applied', 'docs_incomplete', 'verified', 'training', 'exam_passed', 'exam_failed',
        'active', 'rejected', 'withdrawn'
    ))
);
CREATE INDEX ix_application_changes_application_id_id
    ON application_changes (application_id, id);
GRANT SELECT, INSERT ON application_changes TO {app};

CREATE TABLE agents (
    id uuid NOT NULL,
    agent_code text NOT NULL,
    application_id uuid NOT NULL,
    account_id uuid NOT NULL,
    member_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    assignment_letter_number text NOT NULL,
    nik bytea NOT NULL,
    nik_hash bytea NOT NULL,
    full_name bytea NOT NULL,
    bank_code text NOT NULL,
    account_no bytea NOT NULL,
    account_holder_name bytea NOT NULL,
    status varchar(40) NOT NULL,
    reason_code text,
    in_office_since date NOT NULL,
    reinstatement_not_before date,
    activated_at timestamptz NOT NULL,
    CONSTRAINT pk_agents PRIMARY KEY (id),
    CONSTRAINT uq_agents_agent_code UNIQUE (agent_code),
    CONSTRAINT uq_agents_application_id UNIQUE (application_id),
    CONSTRAINT fk_agents_application_id FOREIGN KEY (application_id) REFERENCES applications (id),
    CONSTRAINT fk_agents_wadah_id FOREIGN KEY (wadah_id) REFERENCES wadahs (id),
    CONSTRAINT fk_agents_branch_code FOREIGN KEY (branch_code) REFERENCES branches (code),
    CONSTRAINT ck_agents_status CHECK (status IN ('active', 'suspended', 'dismissed'))
);
CREATE INDEX ix_agents_account_id_all ON agents (account_id);
CREATE INDEX ix_agents_branch_code_id ON agents (branch_code, id);
CREATE INDEX ix_agents_member_id ON agents (member_id);
CREATE INDEX ix_agents_nik_hash_all ON agents (nik_hash);
CREATE INDEX ix_agents_region_code_id ON agents (region_code, id);
CREATE INDEX ix_agents_wadah_id_id ON agents (wadah_id, id);
CREATE UNIQUE INDEX uq_agents_account_id ON agents (account_id) WHERE status <> 'dismissed';
CREATE UNIQUE INDEX uq_agents_nik_hash ON agents (nik_hash) WHERE status <> 'dismissed';
GRANT SELECT, INSERT, UPDATE (status, reason_code, in_office_since, reinstatement_not_before)
    ON agents TO {app};

CREATE TABLE agent_changes (
    id uuid NOT NULL,
    agent_id uuid NOT NULL,
    from_status varchar(40),
    to_status varchar(40) NOT NULL,
    reason_code text,
    reason bytea,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    CONSTRAINT pk_agent_changes PRIMARY KEY (id),
    CONSTRAINT fk_agent_changes_agent_id FOREIGN KEY (agent_id) REFERENCES agents (id),
    CONSTRAINT ck_agent_changes_from_status CHECK (from_status IN (
        'active', 'suspended', 'dismissed'
    )),
    CONSTRAINT ck_agent_changes_to_status CHECK (to_status IN (
        'active', 'suspended', 'dismissed'
    ))
);
CREATE INDEX ix_agent_changes_agent_id_id ON agent_changes (agent_id, id);
GRANT SELECT, INSERT ON agent_changes TO {app};

CREATE TABLE coverage_answers (
    allocation_id uuid NOT NULL,
    answer_no integer NOT NULL,
    agent_id uuid,
    counts_on date NOT NULL,
    is_acquisition boolean NOT NULL,
    CONSTRAINT pk_coverage_answers PRIMARY KEY (allocation_id),
    CONSTRAINT ck_coverage_answers_acquisition
        CHECK (agent_id IS NOT NULL OR NOT is_acquisition)
);
CREATE INDEX ix_coverage_answers_agent_id_counts_on ON coverage_answers (agent_id, counts_on);
GRANT SELECT, INSERT, UPDATE (answer_no, agent_id, counts_on, is_acquisition)
    ON coverage_answers TO {app};

CREATE SEQUENCE agent_numbers;
GRANT USAGE ON SEQUENCE agent_numbers TO {app};
"""


def upgrade() -> None:
    create_kit_tables(op)
    keep_authority_with_answers(op)
    create_kit_tables_2(op)
    execute_script(op, TABLES)
