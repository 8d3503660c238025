"""Allow payouts of tax to be withdrawn because less is due than two people approved.

Expands only, and can be run again where it was interrupted. A process of the version before cannot
list such a payout, so those that answer requests are replaced before the worker.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0039"
down_revision = "0038"

WIDEN = """
ALTER TABLE payouts DROP CONSTRAINT IF EXISTS ck_payouts_wider_withdrawn_reason;
ALTER TABLE payouts ADD CONSTRAINT ck_payouts_wider_withdrawn_reason
    CHECK (withdrawn_reason IN ('run_rejected', 'held', 'account_changed', 'account_frozen',
        'payee_changed', 'debt_changed', 'tax_changed', 'given_up'))
    NOT VALID;
"""
VALIDATE = "ALTER TABLE payouts VALIDATE CONSTRAINT ck_payouts_wider_withdrawn_reason"
REPLACE = """
ALTER TABLE payouts DROP CONSTRAINT ck_payouts_withdrawn_reason_value;
ALTER TABLE payouts
    RENAME CONSTRAINT ck_payouts_wider_withdrawn_reason TO ck_payouts_withdrawn_reason_value;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute(VALIDATE)
    execute_script(op, REPLACE)
