"""Keep verifications of closed months, and find the allocations of a month for them.

Only adds. The index summarizes blocks of the table and costs a payment nothing.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0023"
down_revision = "0022"

TABLES = """
CREATE TABLE month_verification_requests (
    id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    CONSTRAINT pk_month_verification_requests PRIMARY KEY (id)
);
CREATE INDEX ix_month_verification_requests_month_id ON month_verification_requests (month, id);
GRANT SELECT, INSERT ON month_verification_requests TO {app};

CREATE TABLE month_verifications (
    id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    request_id uuid,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    sql_sha256 text NOT NULL,
    allocation_count bigint NOT NULL,
    left_out_count bigint NOT NULL,
    line_count bigint NOT NULL,
    booked_parts bigint NOT NULL,
    computed_parts bigint NOT NULL,
    statement_count bigint NOT NULL,
    stated_amount bigint NOT NULL,
    computed_amount bigint NOT NULL,
    transfer_count bigint NOT NULL,
    difference_count bigint NOT NULL,
    differences jsonb NOT NULL,
    CONSTRAINT pk_month_verifications PRIMARY KEY (id),
    CONSTRAINT fk_month_verifications_request_id FOREIGN KEY (request_id)
        REFERENCES month_verification_requests (id),
    CONSTRAINT ck_month_verifications_left_out_count CHECK (left_out_count BETWEEN 0 AND
        allocation_count),
    CONSTRAINT ck_month_verifications_difference_count CHECK (difference_count >= 0),
    CONSTRAINT ck_month_verifications_agrees CHECK (difference_count > 0
        OR booked_parts = computed_parts AND stated_amount = computed_amount)
);
CREATE INDEX ix_month_verifications_month_id ON month_verifications (month, id);
CREATE UNIQUE INDEX uq_month_verifications_request_id ON month_verifications (request_id);
GRANT SELECT, INSERT ON month_verifications TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    create_index_concurrently(
        op, "ix_allocations_counts_at", "allocations", ["counts_at"], postgresql_using="brin"
    )
