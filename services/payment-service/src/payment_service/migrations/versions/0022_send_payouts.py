"""Send payouts: the job queue, what banks say of names, and what officers settle.

Only adds tables, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.job_queue import create_job_queue
from perisai_kit.db.migrations.steps import execute_script

revision = "0022"
down_revision = "0021"

TABLES = """
CREATE TABLE payout_name_checks (
    transfer_id uuid NOT NULL,
    verdict varchar(40) NOT NULL,
    response_code text,
    checked_at timestamptz NOT NULL,
    CONSTRAINT pk_payout_name_checks PRIMARY KEY (transfer_id),
    CONSTRAINT fk_payout_name_checks_transfer_id FOREIGN KEY (transfer_id)
        REFERENCES payout_transfers (id),
    CONSTRAINT ck_payout_name_checks_verdict CHECK (verdict IN ('match', 'mismatch', 'not_found',
        'unknown'))
);
GRANT SELECT, INSERT, UPDATE ON payout_name_checks TO {app};

CREATE TABLE payout_settlement_proposals (
    id uuid NOT NULL,
    payout_id uuid NOT NULL,
    transfer_id uuid NOT NULL,
    outcome varchar(40) NOT NULL,
    evidence bytea NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    CONSTRAINT pk_payout_settlement_proposals PRIMARY KEY (id),
    CONSTRAINT fk_payout_settlement_proposals_payout_id FOREIGN KEY (payout_id)
        REFERENCES payouts (id),
    CONSTRAINT fk_payout_settlement_proposals_transfer_id FOREIGN KEY (transfer_id)
        REFERENCES payout_transfers (id),
    CONSTRAINT ck_payout_settlement_proposals_outcome CHECK (outcome IN ('paid', 'failed',
        'returned')),
    CONSTRAINT ck_payout_settlement_proposals_status CHECK (status IN ('proposed', 'approved',
        'rejected')),
    CONSTRAINT ck_payout_settlement_proposals_decided CHECK ((status = 'proposed')
        = (decided_at IS NULL)),
    CONSTRAINT ck_payout_settlement_proposals_decided_by CHECK ((decided_at IS NULL)
        = (decided_by IS NULL)),
    CONSTRAINT ck_payout_settlement_proposals_four_eyes CHECK (status <> 'approved'
        OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX uq_payout_settlement_proposals_open ON payout_settlement_proposals
    (transfer_id) WHERE status = 'proposed';
CREATE INDEX ix_payout_settlement_proposals_payout_id_id ON payout_settlement_proposals
    (payout_id, id);
GRANT SELECT, INSERT, UPDATE ON payout_settlement_proposals TO {app};
"""


def upgrade() -> None:
    create_job_queue(op)
    execute_script(op, TABLES)
