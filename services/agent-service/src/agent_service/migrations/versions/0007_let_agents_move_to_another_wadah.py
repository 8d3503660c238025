"""Let agents move to another wadah from a day on.

Only adds tables. The version before goes on showing the wadah at the activation.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE wadah_moves (
    id uuid NOT NULL,
    agent_id uuid NOT NULL,
    from_wadah_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    from_date date NOT NULL,
    status varchar(40) NOT NULL,
    reason_code text,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    is_counted boolean NOT NULL,
    CONSTRAINT pk_wadah_moves PRIMARY KEY (id),
    CONSTRAINT fk_wadah_moves_agent_id_agents FOREIGN KEY (agent_id) REFERENCES agents (id),
    CONSTRAINT fk_wadah_moves_from_wadah_id_wadahs
        FOREIGN KEY (from_wadah_id) REFERENCES wadahs (id),
    CONSTRAINT fk_wadah_moves_wadah_id_wadahs FOREIGN KEY (wadah_id) REFERENCES wadahs (id),
    CONSTRAINT ck_wadah_moves_status CHECK (status IN (
        'proposed', 'rejected', 'approved', 'withdrawn', 'cancelled'
    )),
    CONSTRAINT ck_wadah_moves_another_wadah CHECK (from_wadah_id <> wadah_id),
    CONSTRAINT ck_wadah_moves_first_of_month CHECK (extract(day FROM from_date) = 1),
    CONSTRAINT ck_wadah_moves_decided CHECK (status <> 'approved' OR decided_at IS NOT NULL),
    CONSTRAINT ck_wadah_moves_four_eyes
        CHECK (status = 'rejected' OR decided_by <> proposed_by),
    CONSTRAINT ck_wadah_moves_cancelled
        CHECK ((status = 'cancelled') = (reason_code IS NOT NULL))
);
CREATE UNIQUE INDEX uq_wadah_moves_proposed ON wadah_moves (agent_id)
    WHERE status = 'proposed';
CREATE UNIQUE INDEX uq_wadah_moves_approved ON wadah_moves (agent_id, from_date)
    WHERE status = 'approved';
CREATE INDEX ix_wadah_moves_uncounted ON wadah_moves (from_date)
    WHERE status = 'approved' AND NOT is_counted;
CREATE INDEX ix_wadah_moves_agent_id_id ON wadah_moves (agent_id, id);
CREATE INDEX ix_wadah_moves_wadah_id_id ON wadah_moves (wadah_id, id);
CREATE INDEX ix_wadah_moves_from_wadah_id_id ON wadah_moves (from_wadah_id, id);
GRANT SELECT, INSERT, UPDATE (status, reason_code, decided_by, decided_at, is_counted)
    ON wadah_moves TO {app};

CREATE TABLE wadah_move_changes (
    id uuid NOT NULL,
    move_id uuid NOT NULL,
    from_status varchar(40),
    to_status varchar(40) NOT NULL,
    reason_code text,
    reason bytea,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    CONSTRAINT pk_wadah_move_changes PRIMARY KEY (id),
    CONSTRAINT fk_wadah_move_changes_move_id_wadah_moves
        FOREIGN KEY (move_id) REFERENCES wadah_moves (id),
    CONSTRAINT ck_wadah_move_changes_from_status CHECK (from_status IN (
        'proposed', 'rejected', 'approved', 'withdrawn', 'cancelled'
    )),
    CONSTRAINT ck_wadah_move_changes_to_status CHECK (to_status IN (
        'proposed', 'rejected', 'approved', 'withdrawn', 'cancelled'
    ))
);
CREATE INDEX ix_wadah_move_changes_move_id_id ON wadah_move_changes (move_id, id);
GRANT SELECT, INSERT ON wadah_move_changes TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLES)
