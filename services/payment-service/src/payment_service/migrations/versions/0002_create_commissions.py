"""Create commission schemes, coverage answers, agents and wadahs, commissions and statements.

Insert only: agents' decisions, agreements, commission lines, statements and closed months.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0002"
down_revision = "0001"

SCHEMES: tuple[dict[str, Any], ...] = (
    {
        "id": "00000000-0000-7000-8000-000000201701",
        "name": "Perisai 2017",
        "first_month": "2017-01",
        "source": (
            "Press of 2017 and 2018 (docs/domain.md: S1, S19, S20, S32, S33) and the comparison in "
            "the New Perisai slide deck of April 2022 (S7). Whether sponsored contributions earn "
            "anything was not found: our default."
        ),
        "terms": {
            "tiers": [{"first_index": 1, "last_index": None, "rate_bps": 750}],
            "acquisition_by_programmes": [],
            "acquisition_fixed": 500_000,
            "threshold": 50,
            "agent_share_bps": 9_000,
            "wadah_share_bps": 1_000,
            "override_bps": 0,
            "sponsored": True,
        },
    },
    {
        "id": "00000000-0000-7000-8000-000000202204",
        "name": "New Perisai 2022",
        "first_month": "2022-04",
        "source": (
            "Perdir 13/PERDIR.02/042022 as quoted by a handbook of 2022 (docs/domain.md: S10), the "
            "New Perisai slide deck of April 2022 (S7) and a Kantor Perisai (S21). No newer rates "
            "were found. Whether sponsored contributions earn anything was not found: our default."
        ),
        "terms": {
            "tiers": [
                {"first_index": 1, "last_index": 24, "rate_bps": 1_500},
                {"first_index": 25, "last_index": 60, "rate_bps": 500},
            ],
            "acquisition_by_programmes": [
                {"programmes": 3, "amount": 15_000},
                {"programmes": 2, "amount": 10_000},
            ],
            "acquisition_fixed": 0,
            "threshold": 25,
            "agent_share_bps": 10_000,
            "wadah_share_bps": 0,
            "override_bps": 1_000,
            "sponsored": True,
        },
    },
)

# Of an answer, the allocation, payment, bill and member never change. A scheme is decided and never
# edited.
TABLES = """
CREATE TABLE coverage_answers (
    allocation_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    bill_id uuid NOT NULL,
    member_id uuid NOT NULL,
    answer_no bigint NOT NULL,
    counts_at timestamptz NOT NULL,
    outcome varchar(40) NOT NULL,
    reason_code text,
    months jsonb NOT NULL,
    withdrawn jsonb NOT NULL,
    first_month varchar(7) COLLATE "C",
    agent_id uuid,
    wadah_id uuid,
    branch_code text,
    region_code text,
    is_acquisition boolean NOT NULL,
    CONSTRAINT pk_coverage_answers PRIMARY KEY (allocation_id),
    CONSTRAINT ck_coverage_answers_reason_code CHECK ((outcome = 'declined') = (reason_code IS
        NOT NULL)),
    CONSTRAINT ck_coverage_answers_registration CHECK (outcome = 'declined' OR
        num_nulls(first_month, branch_code, region_code) = 0),
    CONSTRAINT ck_coverage_answers_outcome CHECK (outcome IN ('extended', 'withdrawn',
        'declined'))
);
CREATE INDEX ix_coverage_answers_agent_id_counts_at ON coverage_answers (agent_id, counts_at);
CREATE INDEX ix_coverage_answers_declined ON coverage_answers (payment_id, allocation_id) WHERE
    outcome = 'declined';
CREATE UNIQUE INDEX uq_coverage_answers_bill_id ON coverage_answers (bill_id);
GRANT SELECT, INSERT, UPDATE (answer_no, counts_at, outcome, reason_code, months, withdrawn,
    first_month, agent_id, wadah_id, branch_code, region_code, is_acquisition) ON
    coverage_answers TO {app};

CREATE TABLE agent_decisions (
    agent_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    is_at_work boolean NOT NULL,
    CONSTRAINT pk_agent_decisions PRIMARY KEY (agent_id, decided_at, is_at_work)
);
GRANT SELECT, INSERT ON agent_decisions TO {app};

CREATE TABLE wadah_agreements (
    agreement_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    CONSTRAINT pk_wadah_agreements PRIMARY KEY (agreement_id),
    CONSTRAINT ck_wadah_agreements_days CHECK (starts_on <= ends_on)
);
CREATE INDEX ix_wadah_agreements_wadah_id ON wadah_agreements (wadah_id);
GRANT SELECT, INSERT ON wadah_agreements TO {app};

CREATE TABLE wadah_terminations (
    wadah_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT pk_wadah_terminations PRIMARY KEY (wadah_id)
);
GRANT SELECT, INSERT ON wadah_terminations TO {app};

CREATE TABLE commission_schemes (
    id uuid NOT NULL,
    name text NOT NULL,
    first_month varchar(7) COLLATE "C" NOT NULL,
    terms jsonb NOT NULL,
    source text NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    CONSTRAINT pk_commission_schemes PRIMARY KEY (id),
    CONSTRAINT ck_commission_schemes_decided_at CHECK ((status = 'proposed') = (decided_at IS
        NULL)),
    CONSTRAINT ck_commission_schemes_four_eyes CHECK (decided_by IS NULL OR decided_by <>
        proposed_by),
    CONSTRAINT ck_commission_schemes_status CHECK (status IN ('proposed', 'approved',
        'rejected'))
);
CREATE UNIQUE INDEX uq_commission_schemes_approved ON commission_schemes (first_month) WHERE
    status = 'approved';
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at) ON commission_schemes TO {app};

CREATE TABLE commission_watermark (
    id SMALLINT NOT NULL,
    closed_through varchar(7) COLLATE "C",
    counted_through varchar(7) COLLATE "C",
    CONSTRAINT pk_commission_watermark PRIMARY KEY (id),
    CONSTRAINT ck_commission_watermark_one_row CHECK (id = 1)
);
GRANT SELECT, UPDATE ON commission_watermark TO {app};

CREATE TABLE commission_beneficiaries (
    beneficiary_id uuid NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    is_from_agent_service boolean NOT NULL,
    known_at timestamptz NOT NULL,
    CONSTRAINT pk_commission_beneficiaries PRIMARY KEY (beneficiary_id),
    CONSTRAINT ck_commission_beneficiaries_beneficiary_kind CHECK (beneficiary_kind IN ('agent',
        'wadah'))
);
GRANT SELECT, INSERT, UPDATE (wadah_id, branch_code, region_code, is_from_agent_service,
    known_at) ON commission_beneficiaries TO {app};

CREATE TABLE commission_waits (
    allocation_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    counts_at timestamptz NOT NULL,
    is_answered boolean NOT NULL,
    CONSTRAINT pk_commission_waits PRIMARY KEY (allocation_id)
);
CREATE INDEX ix_commission_waits_answered ON commission_waits (counts_at) WHERE is_answered;
GRANT SELECT, INSERT, UPDATE (counts_at, is_answered), DELETE ON commission_waits TO {app};

CREATE TABLE commission_acquisitions (
    allocation_id uuid NOT NULL,
    agent_id uuid,
    month varchar(7) COLLATE "C" NOT NULL,
    counts_at timestamptz NOT NULL,
    is_self_paid boolean NOT NULL,
    CONSTRAINT pk_commission_acquisitions PRIMARY KEY (allocation_id)
);
CREATE INDEX ix_commission_acquisitions_agent_id_month ON commission_acquisitions (agent_id,
    month, counts_at, allocation_id) WHERE agent_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (agent_id, month, counts_at, is_self_paid) ON
    commission_acquisitions TO {app};

CREATE TABLE commission_lines (
    id bigint GENERATED ALWAYS AS IDENTITY,
    earned_month varchar(7) COLLATE "C" NOT NULL,
    booked_month varchar(7) COLLATE "C" NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    member_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    allocation_id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    cause varchar(40) NOT NULL,
    rule varchar(40) NOT NULL,
    contribution_month varchar(7) COLLATE "C",
    programme text,
    month_index bigint,
    base bigint NOT NULL,
    rate_bps bigint NOT NULL,
    parts bigint NOT NULL,
    entry_no bigint NOT NULL,
    reason varchar(40),
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_commission_lines PRIMARY KEY (id),
    CONSTRAINT ck_commission_lines_parts CHECK (base <> 0 AND rate_bps > 0 AND parts = base *
        rate_bps),
    CONSTRAINT ck_commission_lines_entry_no CHECK (entry_no > 0 AND (entry_no % 2 = 0) = (base <
        0)),
    CONSTRAINT ck_commission_lines_opposite CHECK ((base < 0) = (reason IS NOT NULL)),
    CONSTRAINT ck_commission_lines_booked_month CHECK (booked_month >= earned_month),
    CONSTRAINT ck_commission_lines_contribution CHECK (num_nulls(contribution_month, programme,
        month_index) = CASE WHEN cause = 'contribution' THEN 0 ELSE 3 END),
    CONSTRAINT ck_commission_lines_beneficiary_kind CHECK (beneficiary_kind IN ('agent',
        'wadah')),
    CONSTRAINT ck_commission_lines_cause CHECK (cause IN ('contribution', 'acquisition',
        'month_target')),
    CONSTRAINT ck_commission_lines_rule CHECK (rule IN ('contribution', 'acquisition',
        'override')),
    CONSTRAINT ck_commission_lines_reason CHECK (reason IN ('payment_declined',
        'month_withdrawn', 'attribution_changed', 'agent_not_at_work', 'no_acquisition',
        'threshold_missed', 'recomputed'))
);
CREATE INDEX ix_commission_lines_beneficiary_id_booked_month ON commission_lines
    (beneficiary_id, booked_month, id);
CREATE INDEX ix_commission_lines_booked_month ON commission_lines USING brin (booked_month);
CREATE UNIQUE INDEX uq_commission_lines_entry ON commission_lines (allocation_id, cause,
    contribution_month, programme, rule, beneficiary_kind, entry_no) NULLS NOT DISTINCT;
GRANT SELECT, INSERT ON commission_lines TO {app};

CREATE TABLE statements (
    id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    line_count bigint NOT NULL,
    contribution_parts bigint NOT NULL,
    acquisition_parts bigint NOT NULL,
    override_parts bigint NOT NULL,
    brought_parts bigint NOT NULL,
    total_parts bigint NOT NULL,
    amount bigint NOT NULL,
    brought_debt bigint NOT NULL,
    held_reason varchar(40),
    issued_at timestamptz NOT NULL,
    CONSTRAINT pk_statements PRIMARY KEY (id),
    CONSTRAINT uq_statements_beneficiary_id_month UNIQUE (beneficiary_id, month),
    CONSTRAINT ck_statements_line_count CHECK (line_count > 0),
    CONSTRAINT ck_statements_brought_parts CHECK (brought_parts BETWEEN 0 AND 9999),
    CONSTRAINT ck_statements_amount CHECK (brought_parts + contribution_parts +
        acquisition_parts + override_parts - amount * 10000 BETWEEN 0 AND 9999),
    CONSTRAINT ck_statements_brought_debt CHECK (brought_debt >= 0),
    CONSTRAINT ck_statements_held CHECK (held_reason IS NULL OR beneficiary_kind = 'wadah'),
    CONSTRAINT ck_statements_beneficiary_kind CHECK (beneficiary_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_statements_held_reason CHECK (held_reason IN ('wadah_terminated',
        'agreement_ended'))
);
CREATE INDEX ix_statements_beneficiary_id_id ON statements (beneficiary_id, id);
CREATE INDEX ix_statements_branch_code_id ON statements (branch_code, id);
CREATE INDEX ix_statements_month_id ON statements (month, id);
CREATE INDEX ix_statements_region_code_id ON statements (region_code, id);
CREATE INDEX ix_statements_wadah_id_id ON statements (wadah_id, id);
GRANT SELECT, INSERT ON statements TO {app};

CREATE TABLE commission_months (
    month varchar(7) COLLATE "C" NOT NULL,
    closed_at timestamptz NOT NULL,
    closed_by uuid NOT NULL,
    statement_count bigint NOT NULL,
    line_count bigint NOT NULL,
    agent_parts bigint NOT NULL,
    wadah_parts bigint NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT pk_commission_months PRIMARY KEY (month)
);
GRANT SELECT, INSERT ON commission_months TO {app};
INSERT INTO commission_watermark (id) VALUES (1);
"""
INSERT_SCHEME = """
    INSERT INTO commission_schemes
        (id, name, first_month, terms, source, status, proposed_at, decided_at)
    VALUES (CAST(:id AS uuid), :name, :first_month, CAST(:terms AS jsonb), :source, 'approved',
            now(), now())
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for scheme in SCHEMES:
        values = {**scheme, "terms": json.dumps(scheme["terms"])}
        op.execute(sa.text(INSERT_SCHEME).bindparams(**values))
