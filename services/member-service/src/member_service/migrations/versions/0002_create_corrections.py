"""Create corrections of members, and the steps that decide them."""

from alembic import op

from perisai_kit.db.migrations import execute_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE corrections (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    fields text[] NOT NULL,
    changes bytea NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state varchar(40) NOT NULL,
    effective_at timestamptz,
    CONSTRAINT pk_corrections PRIMARY KEY (id),
    CONSTRAINT fk_corrections_member_id FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT ck_corrections_state CHECK (state IN (
        'open', 'waiting', 'applied', 'rejected', 'expired'
    ))
);
CREATE UNIQUE INDEX uq_corrections_undecided ON corrections (member_id)
    WHERE state IN ('open', 'waiting');
CREATE INDEX ix_corrections_member_id_proposed_at ON corrections (member_id, proposed_at);
CREATE INDEX ix_corrections_waiting ON corrections (id) WHERE state = 'waiting';
GRANT SELECT, INSERT, UPDATE (state, effective_at) ON corrections TO {app};

CREATE TABLE correction_steps (
    id uuid NOT NULL,
    correction_id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    reason bytea,
    made_by uuid,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_correction_steps PRIMARY KEY (id),
    CONSTRAINT fk_correction_steps_correction_id
        FOREIGN KEY (correction_id) REFERENCES corrections (id),
    CONSTRAINT ck_correction_steps_kind CHECK (kind IN (
        'proposed', 'approved', 'confirmed', 'notified', 'applied', 'rejected', 'expired'
    ))
);
CREATE INDEX ix_correction_steps_correction_id_id ON correction_steps (correction_id, id);
GRANT SELECT, INSERT ON correction_steps TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
