"""Review the acquisition bonus of an agent's month where acquisitions are flagged.

Only adds, and lets lines be taken back for one more reason. The version before knows no review:
what it computes of a month under review is booked, and taken back by the next computation of this
one.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0018"
down_revision = "0017"

TABLES = """
CREATE TABLE flagged_acquisitions (
    allocation_id uuid NOT NULL,
    flag text NOT NULL,
    member_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    counts_at timestamptz NOT NULL,
    CONSTRAINT pk_flagged_acquisitions PRIMARY KEY (allocation_id, flag)
);
CREATE INDEX ix_flagged_acquisitions_agent_id_month ON flagged_acquisitions (agent_id, month);
GRANT SELECT, INSERT ON flagged_acquisitions TO {app};

CREATE TABLE bonus_reviews (
    id uuid NOT NULL,
    agent_id uuid NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    status varchar(40) NOT NULL,
    refusal_proposed_by uuid,
    opened_at timestamptz NOT NULL,
    CONSTRAINT pk_bonus_reviews PRIMARY KEY (id),
    CONSTRAINT ck_bonus_reviews_status CHECK (status IN ('open', 'refusal_proposed', 'released',
        'refused')),
    CONSTRAINT ck_bonus_reviews_refusal_proposed_by CHECK (status NOT IN ('refusal_proposed',
        'refused') OR refusal_proposed_by IS NOT NULL)
);
CREATE UNIQUE INDEX uq_bonus_reviews_holding ON bonus_reviews (agent_id, month)
    WHERE status <> 'released';
CREATE INDEX ix_bonus_reviews_agent_id_month ON bonus_reviews (agent_id, month);
CREATE INDEX ix_bonus_reviews_status_id ON bonus_reviews (status, id);
GRANT SELECT, INSERT, UPDATE ON bonus_reviews TO {app};

CREATE TABLE bonus_review_steps (
    id uuid NOT NULL,
    review_id uuid NOT NULL,
    step varchar(40) NOT NULL,
    taken_by uuid,
    taken_at timestamptz NOT NULL,
    CONSTRAINT pk_bonus_review_steps PRIMARY KEY (id),
    CONSTRAINT fk_bonus_review_steps_review_id FOREIGN KEY (review_id) REFERENCES
        bonus_reviews (id),
    CONSTRAINT ck_bonus_review_steps_step CHECK (step IN ('opened', 'refusal_proposed',
        'refusal_rejected', 'refusal_confirmed', 'released')),
    CONSTRAINT ck_bonus_review_steps_taken_by CHECK (taken_by IS NOT NULL OR step = 'opened')
);
CREATE INDEX ix_bonus_review_steps_review_id_id ON bonus_review_steps (review_id, id);
GRANT SELECT, INSERT ON bonus_review_steps TO {app};
"""
REASONS = (
    "payment_declined",
    "month_withdrawn",
    "attribution_changed",
    "agent_not_at_work",
    "no_acquisition",
    "threshold_missed",
    "bonus_held",
    "recomputed",
)


def upgrade() -> None:
    execute_script(op, TABLES)
    reasons = ", ".join(f"'{reason}'" for reason in REASONS)
    op.execute("ALTER TABLE commission_lines DROP CONSTRAINT ck_commission_lines_reason")
    op.execute(
        "ALTER TABLE commission_lines ADD CONSTRAINT ck_commission_lines_reason"
        f" CHECK (reason IN ({reasons})) NOT VALID"
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE commission_lines VALIDATE CONSTRAINT ck_commission_lines_reason")
