"""Close months in steps that the worker takes, after two people have agreed.

Adds tables and a column that may be empty, so it runs beside the version before. That version
closes a month in one transaction; it must not be asked to while a closing of this one is running.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0013"
down_revision = "0012"

TABLES = """
ALTER TABLE commission_watermark ADD COLUMN closing varchar(7) COLLATE "C";

CREATE TABLE month_closings (
    id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    status varchar(40) NOT NULL,
    figures jsonb NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    closed_at timestamptz,
    beneficiary_count bigint,
    statement_count bigint NOT NULL,
    last_beneficiary_id uuid,
    done_at timestamptz,
    failure_code text,
    failed_at timestamptz,
    failure_count bigint NOT NULL,
    CONSTRAINT pk_month_closings PRIMARY KEY (id),
    CONSTRAINT ck_month_closings_status CHECK (status IN ('proposed', 'rejected', 'confirmed',
        'running', 'done')),
    CONSTRAINT ck_month_closings_decided CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT ck_month_closings_four_eyes CHECK (status IN ('proposed', 'rejected')
        OR decided_by <> proposed_by),
    CONSTRAINT ck_month_closings_closed_at CHECK ((status IN ('running', 'done'))
        = (closed_at IS NOT NULL)),
    CONSTRAINT ck_month_closings_done_at CHECK ((status = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT ck_month_closings_complete CHECK (status <> 'done'
        OR statement_count = beneficiary_count),
    CONSTRAINT ck_month_closings_failed CHECK ((failure_count = 0) = (failed_at IS NULL))
);
CREATE UNIQUE INDEX uq_month_closings_month ON month_closings (month) WHERE status <> 'rejected';
CREATE INDEX ix_month_closings_open ON month_closings (month)
    WHERE status IN ('confirmed', 'running');
CREATE INDEX ix_month_closings_month_id ON month_closings (month, id);
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at, closed_at, beneficiary_count,
    statement_count, last_beneficiary_id, done_at, failure_code, failed_at, failure_count)
    ON month_closings TO {app};

CREATE TABLE month_closing_entries (
    month varchar(7) COLLATE "C" NOT NULL,
    beneficiary_id uuid NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    held_reason varchar(40),
    line_count bigint,
    contribution_parts bigint,
    acquisition_parts bigint,
    override_parts bigint,
    CONSTRAINT pk_month_closing_entries PRIMARY KEY (month, beneficiary_id),
    CONSTRAINT ck_month_closing_entries_beneficiary_kind CHECK (beneficiary_kind IN ('agent',
        'wadah')),
    CONSTRAINT ck_month_closing_entries_held_reason CHECK (held_reason IN ('wadah_terminated',
        'agreement_ended'))
);
GRANT SELECT, INSERT, DELETE, UPDATE (line_count, contribution_parts, acquisition_parts,
    override_parts) ON month_closing_entries TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
