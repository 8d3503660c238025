"""Keep proposals to take back a forfeit that was a mistake.

Only adds a table, so it runs beside the version before.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0029"
down_revision = "0028"

TABLE = """
CREATE TABLE forfeit_reversals (
    id uuid NOT NULL,
    hold_id uuid NOT NULL,
    amount bigint NOT NULL,
    reason bytea NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    CONSTRAINT pk_forfeit_reversals PRIMARY KEY (id),
    CONSTRAINT ck_forfeit_reversals_amount CHECK (amount > 0),
    CONSTRAINT ck_forfeit_reversals_status CHECK (status IN ('proposed', 'approved', 'rejected')),
    CONSTRAINT ck_forfeit_reversals_decided CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT ck_forfeit_reversals_decided_by
        CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT ck_forfeit_reversals_four_eyes
        CHECK (status <> 'approved' OR decided_by <> proposed_by),
    CONSTRAINT fk_forfeit_reversals_hold_id_incentive_holds
        FOREIGN KEY (hold_id) REFERENCES incentive_holds (id)
);
CREATE UNIQUE INDEX uq_forfeit_reversals_open ON forfeit_reversals (hold_id)
    WHERE status <> 'rejected';
CREATE INDEX ix_forfeit_reversals_hold_id_id ON forfeit_reversals (hold_id, id);
GRANT SELECT, INSERT, UPDATE ON forfeit_reversals TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLE)
