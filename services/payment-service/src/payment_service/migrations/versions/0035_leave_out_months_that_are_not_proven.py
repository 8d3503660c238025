"""Allow runs of payouts to leave out what is owed for months whose second computation differs.

Expands only, and can be run again where it was interrupted. A process of the version before cannot
list such a row, so those that answer requests are replaced before the worker.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0035"
down_revision = "0034"

WIDEN = """
ALTER TABLE payout_run_omissions DROP CONSTRAINT IF EXISTS ck_payout_run_omissions_wider_reason;
ALTER TABLE payout_run_omissions ADD CONSTRAINT ck_payout_run_omissions_wider_reason
    CHECK (reason IN ('held', 'month_unproven', 'no_account', 'account_frozen',
        'holder_unconfirmed', 'payee_unknown', 'nothing_left', 'over_transfer_max', 'batch_full'))
    NOT VALID;
"""
VALIDATE = """
ALTER TABLE payout_run_omissions VALIDATE CONSTRAINT ck_payout_run_omissions_wider_reason
"""
REPLACE = """
ALTER TABLE payout_run_omissions DROP CONSTRAINT ck_payout_run_omissions_reason;
ALTER TABLE payout_run_omissions
    RENAME CONSTRAINT ck_payout_run_omissions_wider_reason TO ck_payout_run_omissions_reason;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute(VALIDATE)
    execute_script(op, REPLACE)
