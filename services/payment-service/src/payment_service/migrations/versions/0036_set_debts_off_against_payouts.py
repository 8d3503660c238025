"""Deduct the debt of a beneficiary from what a payout pays of earlier statements.

Expands only, and can be run again where it was interrupted. A worker of the version before closes
a month without what was deducted since the last one, and its processes cannot list an omission of
`in_debt`: all are replaced before a run is prepared.
"""

from alembic import op
from sqlalchemy import text

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0036"
down_revision = "0035"

WIDEN = """
ALTER TABLE statements ADD COLUMN IF NOT EXISTS set_off bigint NOT NULL DEFAULT 0;
ALTER TABLE payout_items ADD COLUMN IF NOT EXISTS set_off bigint NOT NULL DEFAULT 0;
ALTER TABLE payout_items DROP CONSTRAINT IF EXISTS ck_payout_items_wider_amounts;
ALTER TABLE payout_items ADD CONSTRAINT ck_payout_items_wider_amounts
    CHECK (set_off >= 0 AND gross >= 0 AND gross + set_off > 0 AND tax BETWEEN 0 AND gross)
    NOT VALID;
ALTER TABLE tax_computation_items DROP CONSTRAINT IF EXISTS ck_tax_computation_items_wider_amounts;
ALTER TABLE tax_computation_items ADD CONSTRAINT ck_tax_computation_items_wider_amounts
    CHECK (gross >= 0 AND amount BETWEEN 0 AND gross) NOT VALID;
ALTER TABLE payout_run_omissions DROP CONSTRAINT IF EXISTS ck_payout_run_omissions_wider_reason;
ALTER TABLE payout_run_omissions ADD CONSTRAINT ck_payout_run_omissions_wider_reason
    CHECK (reason IN ('held', 'month_unproven', 'no_account', 'account_frozen',
        'holder_unconfirmed', 'payee_unknown', 'in_debt', 'nothing_left', 'over_transfer_max',
        'batch_full')) NOT VALID;
ALTER TABLE payouts DROP CONSTRAINT IF EXISTS ck_payouts_wider_withdrawn_reason_value;
ALTER TABLE payouts ADD CONSTRAINT ck_payouts_wider_withdrawn_reason_value
    CHECK (withdrawn_reason IN ('run_rejected', 'held', 'account_changed', 'account_frozen',
        'payee_changed', 'debt_changed', 'given_up')) NOT VALID;
"""
VALIDATE_ITEMS = """
ALTER TABLE payout_items VALIDATE CONSTRAINT ck_payout_items_wider_amounts
"""
VALIDATE_TAXES = """
ALTER TABLE tax_computation_items VALIDATE CONSTRAINT ck_tax_computation_items_wider_amounts
"""
VALIDATE_PAYOUTS = """
ALTER TABLE payouts VALIDATE CONSTRAINT ck_payouts_wider_withdrawn_reason_value
"""
VALIDATE_OMISSIONS = """
ALTER TABLE payout_run_omissions VALIDATE CONSTRAINT ck_payout_run_omissions_wider_reason
"""
REPLACE = """
ALTER TABLE payout_items DROP CONSTRAINT ck_payout_items_amounts;
ALTER TABLE payout_items
    RENAME CONSTRAINT ck_payout_items_wider_amounts TO ck_payout_items_amounts;
ALTER TABLE tax_computation_items DROP CONSTRAINT ck_tax_computation_items_amounts;
ALTER TABLE tax_computation_items
    RENAME CONSTRAINT ck_tax_computation_items_wider_amounts TO ck_tax_computation_items_amounts;
ALTER TABLE payout_run_omissions DROP CONSTRAINT ck_payout_run_omissions_reason;
ALTER TABLE payout_run_omissions
    RENAME CONSTRAINT ck_payout_run_omissions_wider_reason TO ck_payout_run_omissions_reason;
ALTER TABLE payouts DROP CONSTRAINT ck_payouts_withdrawn_reason_value;
ALTER TABLE payouts RENAME CONSTRAINT ck_payouts_wider_withdrawn_reason_value
    TO ck_payouts_withdrawn_reason_value;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute(VALIDATE_ITEMS)
        op.execute(VALIDATE_TAXES)
        op.execute(VALIDATE_PAYOUTS)
        op.execute(VALIDATE_OMISSIONS)
    execute_script(op, REPLACE)
    create_index_concurrently(
        op,
        "ix_statements_set_off",
        "statements",
        ["beneficiary_id"],
        postgresql_include=["set_off"],
        postgresql_where=text("set_off <> 0"),
    )
    create_index_concurrently(
        op,
        "ix_payout_items_set_off",
        "payout_items",
        ["beneficiary_id"],
        postgresql_include=["set_off"],
        postgresql_where=text("is_live AND set_off > 0"),
    )
