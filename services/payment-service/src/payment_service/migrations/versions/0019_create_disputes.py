"""Keep what agents and wadahs dispute of their commission, and the answers.

Only adds a table, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0019"
down_revision = "0018"

TABLE = """
CREATE TABLE disputes (
    id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    member_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    line_id bigint,
    earned_month varchar(7) COLLATE "C",
    reason bytea NOT NULL,
    status varchar(40) NOT NULL,
    opened_by uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    answer bytea,
    closed_by uuid,
    closed_at timestamptz,
    CONSTRAINT pk_disputes PRIMARY KEY (id),
    CONSTRAINT ck_disputes_status CHECK (status IN ('open', 'answered_upheld',
        'answered_corrected', 'withdrawn')),
    CONSTRAINT ck_disputes_line CHECK ((line_id IS NULL) = (earned_month IS NULL)),
    CONSTRAINT ck_disputes_closed CHECK ((status = 'open') = (closed_at IS NULL)),
    CONSTRAINT ck_disputes_answer CHECK ((status IN ('answered_upheld', 'answered_corrected'))
        = (answer IS NOT NULL))
);
CREATE UNIQUE INDEX uq_disputes_open ON disputes (beneficiary_id, payment_id, line_id)
    NULLS NOT DISTINCT WHERE status = 'open';
CREATE INDEX ix_disputes_beneficiary_id_id ON disputes (beneficiary_id, id);
CREATE INDEX ix_disputes_open_due_at ON disputes (due_at) WHERE status = 'open';
GRANT SELECT, INSERT, UPDATE ON disputes TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLE)
