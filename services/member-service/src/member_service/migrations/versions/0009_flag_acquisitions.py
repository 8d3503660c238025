"""Keep what acquisitions have in common, and the risk flags that follow from it.

Only adds. The subscription that fills the tables reads our own feed from its beginning, so that
acquisitions from before are flagged too.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE acquired_members (
    allocation_id uuid NOT NULL,
    member_id uuid NOT NULL,
    agent_id uuid,
    month text NOT NULL,
    counts_at timestamptz NOT NULL,
    first_month text NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    phone_hash bytea NOT NULL,
    address_hash bytea NOT NULL,
    batch_id uuid,
    CONSTRAINT pk_acquired_members PRIMARY KEY (allocation_id),
    CONSTRAINT fk_acquired_members_member_id FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX ix_acquired_members_agent_id_month ON acquired_members (agent_id, month)
    WHERE agent_id IS NOT NULL;
CREATE INDEX ix_acquired_members_member_id ON acquired_members (member_id);
GRANT SELECT, INSERT, UPDATE ON acquired_members TO {app};

CREATE TABLE risk_flags (
    id uuid NOT NULL,
    allocation_id uuid NOT NULL,
    flag varchar(40) NOT NULL,
    member_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    month text NOT NULL,
    counts_at timestamptz NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    flagged_at timestamptz NOT NULL,
    CONSTRAINT pk_risk_flags PRIMARY KEY (id),
    CONSTRAINT fk_risk_flags_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_risk_flags_flag CHECK (flag IN ('shared_phone', 'shared_address', 'same_batch',
        'lapsed_in_month_two'))
);
CREATE UNIQUE INDEX uq_risk_flags_allocation_id_flag ON risk_flags (allocation_id, flag);
CREATE INDEX ix_risk_flags_agent_id_id ON risk_flags (agent_id, id);
CREATE INDEX ix_risk_flags_member_id ON risk_flags (member_id);
CREATE INDEX ix_risk_flags_branch_code_id ON risk_flags (branch_code, id);
CREATE INDEX ix_risk_flags_region_code_id ON risk_flags (region_code, id);
GRANT SELECT, INSERT ON risk_flags TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    create_index_concurrently(op, "ix_enrolment_rows_member_id", "enrolment_rows", ["member_id"])
