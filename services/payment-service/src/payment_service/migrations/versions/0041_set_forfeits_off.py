"""Let what was forfeited make up for debts, and allow the ledger to book it.

Expands only, and can be run again where it was interrupted. A debt that is there already is made
up for at the next close.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0041"
down_revision = "0040"

TABLE = """
CREATE TABLE IF NOT EXISTS forfeit_set_offs (
    id uuid NOT NULL,
    hold_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    amount bigint NOT NULL,
    booked_at timestamptz NOT NULL,
    CONSTRAINT pk_forfeit_set_offs PRIMARY KEY (id),
    CONSTRAINT ck_forfeit_set_offs_amount CHECK (amount > 0),
    CONSTRAINT fk_forfeit_set_offs_hold_id_held_statements FOREIGN KEY (hold_id, statement_id)
        REFERENCES held_statements (hold_id, statement_id)
);
CREATE INDEX IF NOT EXISTS ix_forfeit_set_offs_hold_id_statement_id
    ON forfeit_set_offs (hold_id, statement_id);
CREATE INDEX IF NOT EXISTS ix_forfeit_set_offs_beneficiary_id ON forfeit_set_offs (beneficiary_id);
CREATE INDEX IF NOT EXISTS ix_forfeit_set_offs_statement_id ON forfeit_set_offs (statement_id);
GRANT SELECT, INSERT ON forfeit_set_offs TO {app};
"""
ALLOWED = {
    "code": (
        *("contribution_received", "contribution_suspended", "suspense_received"),
        *("suspense_applied", "incentive_accrued", "incentive_reversed", "incentive_forfeited"),
        *("incentive_set_off", "incentive_paid", "incentive_returned", "tax_withheld"),
        *("tax_released", "tax_remitted", "correction"),
    ),
    "cause_kind": ("allocation", "statement", "forfeit_set_off", "payout_item", "tax_remittance"),
}
CHANGED = "ALTER TABLE ledger_transfers"


def upgrade() -> None:
    execute_script(op, TABLE)
    for column, values in ALLOWED.items():
        name, wider = f"ck_ledger_transfers_{column}", f"ck_ledger_transfers_wider_{column}"
        listed = ", ".join(f"'{value}'" for value in values)
        op.execute(f"{CHANGED} DROP CONSTRAINT IF EXISTS {wider}")
        op.execute(f"{CHANGED} ADD CONSTRAINT {wider} CHECK ({column} IN ({listed})) NOT VALID")
        with op.get_context().autocommit_block():
            op.execute(f"{CHANGED} VALIDATE CONSTRAINT {wider}")
        op.execute(f"{CHANGED} DROP CONSTRAINT {name}")
        op.execute(f"{CHANGED} RENAME CONSTRAINT {wider} TO {name}")
