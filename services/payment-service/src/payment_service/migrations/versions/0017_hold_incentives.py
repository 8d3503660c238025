"""Hold stated incentives until two people decide on them, and book what is forfeited.

Only adds. The version before holds nothing, so what it states meanwhile of an agent dismissed for
cause is held with the next dismissal that is read, or by the statement after it. Statements of
wadahs that were marked as held become holds here.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE cause_dismissals (
    agent_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    reason varchar(40) NOT NULL,
    CONSTRAINT pk_cause_dismissals PRIMARY KEY (agent_id, decided_at),
    CONSTRAINT ck_cause_dismissals_reason CHECK (reason IN ('fraud', 'crime', 'gratification',
        'wadah_terminated', 'agreement_ended'))
);
GRANT SELECT, INSERT ON cause_dismissals TO {app};

CREATE TABLE incentive_holds (
    id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    reason varchar(40) NOT NULL,
    status varchar(40) NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    branch_code text NOT NULL,
    region_code text NOT NULL,
    dismissed_at timestamptz,
    opened_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT pk_incentive_holds PRIMARY KEY (id),
    CONSTRAINT ck_incentive_holds_kind CHECK (kind IN ('cause', 'wadah')),
    CONSTRAINT ck_incentive_holds_reason CHECK (reason IN ('fraud', 'crime', 'gratification',
        'wadah_terminated', 'agreement_ended')),
    CONSTRAINT ck_incentive_holds_status CHECK (status IN ('open', 'released', 'forfeited')),
    CONSTRAINT ck_incentive_holds_beneficiary_kind CHECK (beneficiary_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_incentive_holds_dismissed_at CHECK ((kind = 'cause') = (dismissed_at IS NOT
        NULL)),
    CONSTRAINT ck_incentive_holds_decided CHECK ((status = 'open') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX uq_incentive_holds_open ON incentive_holds (beneficiary_id)
    WHERE kind = 'cause' AND status = 'open';
CREATE INDEX ix_incentive_holds_beneficiary_id_id ON incentive_holds (beneficiary_id, id);
CREATE INDEX ix_incentive_holds_status_id ON incentive_holds (status, id);
GRANT SELECT, INSERT, UPDATE ON incentive_holds TO {app};

CREATE TABLE held_statements (
    hold_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    held_at timestamptz NOT NULL,
    CONSTRAINT pk_held_statements PRIMARY KEY (hold_id, statement_id),
    CONSTRAINT fk_held_statements_hold_id FOREIGN KEY (hold_id) REFERENCES incentive_holds (id),
    CONSTRAINT ck_held_statements_amount CHECK (amount > 0)
);
CREATE INDEX ix_held_statements_statement_id ON held_statements (statement_id);
GRANT SELECT, INSERT ON held_statements TO {app};

CREATE TABLE incentive_hold_proposals (
    id uuid NOT NULL,
    hold_id uuid NOT NULL,
    verdict varchar(40) NOT NULL,
    amount bigint NOT NULL,
    status varchar(40) NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    CONSTRAINT pk_incentive_hold_proposals PRIMARY KEY (id),
    CONSTRAINT fk_incentive_hold_proposals_hold_id FOREIGN KEY (hold_id) REFERENCES
        incentive_holds (id),
    CONSTRAINT ck_incentive_hold_proposals_verdict CHECK (verdict IN ('release', 'forfeit')),
    CONSTRAINT ck_incentive_hold_proposals_status CHECK (status IN ('proposed', 'approved',
        'rejected')),
    CONSTRAINT ck_incentive_hold_proposals_decided CHECK ((status = 'proposed') = (decided_at IS
        NULL)),
    CONSTRAINT ck_incentive_hold_proposals_four_eyes CHECK (status <> 'approved' OR decided_by <>
        proposed_by)
);
CREATE UNIQUE INDEX uq_incentive_hold_proposals_open ON incentive_hold_proposals (hold_id)
    WHERE status <> 'rejected';
CREATE INDEX ix_incentive_hold_proposals_hold_id_id ON incentive_hold_proposals (hold_id, id);
GRANT SELECT, INSERT, UPDATE ON incentive_hold_proposals TO {app};
"""
# Statements are never changed, so the holds of those before are made of them.
HOLDS = """
WITH held AS (
    SELECT uuidv7() AS hold_id, statements.*, amount - brought_debt AS payable FROM statements
    WHERE held_reason IS NOT NULL AND amount > brought_debt
), holds AS (
    INSERT INTO incentive_holds (id, kind, reason, status, beneficiary_kind, beneficiary_id,
        wadah_id, branch_code, region_code, opened_at)
    SELECT hold_id, 'wadah', held_reason, 'open', beneficiary_kind, beneficiary_id, wadah_id,
           branch_code, region_code, issued_at
    FROM held
)
INSERT INTO held_statements (hold_id, statement_id, month, amount, held_at)
SELECT hold_id, id, month, payable, issued_at FROM held
"""
CODES = (
    "contribution_received",
    "contribution_suspended",
    "suspense_received",
    "suspense_applied",
    "incentive_accrued",
    "incentive_reversed",
    "incentive_forfeited",
    "correction",
)


def upgrade() -> None:
    execute_script(op, TABLES)
    op.execute(HOLDS)
    codes = ", ".join(f"'{code}'" for code in CODES)
    op.execute("ALTER TABLE ledger_transfers DROP CONSTRAINT ck_ledger_transfers_code")
    op.execute(
        "ALTER TABLE ledger_transfers ADD CONSTRAINT ck_ledger_transfers_code"
        f" CHECK (code IN ({codes})) NOT VALID"
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE ledger_transfers VALIDATE CONSTRAINT ck_ledger_transfers_code")
