"""Keep what a scheme would have paid in closed months, beside what was booked.

Only adds tables, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0025"
down_revision = "0024"

TABLES = """
CREATE TABLE scheme_comparisons (
    id uuid NOT NULL,
    scheme_id uuid NOT NULL,
    first_month varchar(7) COLLATE "C" NOT NULL,
    last_month varchar(7) COLLATE "C" NOT NULL,
    status varchar(40) NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    step_no bigint NOT NULL,
    payment_count bigint,
    compared_count bigint NOT NULL,
    waiting_count bigint NOT NULL,
    last_agent_id uuid,
    last_counts_at timestamptz,
    last_allocation_id uuid,
    last_beneficiary_id uuid,
    figures jsonb NOT NULL,
    done_at timestamptz,
    failure_code text,
    failed_at timestamptz,
    failure_count bigint NOT NULL,
    CONSTRAINT pk_scheme_comparisons PRIMARY KEY (id),
    CONSTRAINT ck_scheme_comparisons_status CHECK (status IN ('comparing', 'adding_up', 'done')),
    CONSTRAINT ck_scheme_comparisons_months CHECK (first_month <= last_month),
    CONSTRAINT ck_scheme_comparisons_done_at CHECK ((status = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT ck_scheme_comparisons_failed CHECK ((failure_count = 0) = (failed_at IS NULL))
);
CREATE INDEX ix_scheme_comparisons_open ON scheme_comparisons (id) WHERE status <> 'done';
CREATE TABLE scheme_comparison_months (
    comparison_id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    actual_parts bigint NOT NULL,
    would_be_parts bigint NOT NULL,
    CONSTRAINT pk_scheme_comparison_months PRIMARY KEY (comparison_id, beneficiary_id, month),
    CONSTRAINT ck_scheme_comparison_months_beneficiary_kind
        CHECK (beneficiary_kind IN ('agent', 'wadah'))
);
CREATE TABLE scheme_comparison_beneficiaries (
    comparison_id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    wadah_id uuid,
    brought_parts bigint NOT NULL,
    actual bigint NOT NULL,
    would_be bigint NOT NULL,
    difference bigint NOT NULL,
    CONSTRAINT pk_scheme_comparison_beneficiaries PRIMARY KEY (comparison_id, beneficiary_id),
    CONSTRAINT ck_scheme_comparison_beneficiaries_beneficiary_kind
        CHECK (beneficiary_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_scheme_comparison_beneficiaries_brought_parts
        CHECK (brought_parts BETWEEN 0 AND 9999),
    CONSTRAINT ck_scheme_comparison_beneficiaries_difference
        CHECK (difference = would_be - actual)
);
CREATE INDEX ix_scheme_comparison_beneficiaries_difference
    ON scheme_comparison_beneficiaries
    (comparison_id, beneficiary_kind, difference, beneficiary_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON scheme_comparisons TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON scheme_comparison_months TO {app};
GRANT SELECT, INSERT, DELETE ON scheme_comparison_beneficiaries TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
