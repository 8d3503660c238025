"""Keep the account that paid for an acquisition, and allow the risk flag that follows from it.

Expands only. Nothing is known of payments from before, nor of those that an older version takes:
their account stays null, and null raises no flag. It can be run again where it was interrupted.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0012"
down_revision = "0011"

WIDEN = """
ALTER TABLE risk_flags DROP CONSTRAINT IF EXISTS ck_risk_flags_wider_flag;
ALTER TABLE risk_flags ADD CONSTRAINT ck_risk_flags_wider_flag CHECK (flag IN ('shared_phone',
    'shared_address', 'same_batch', 'shared_paying_account', 'lapsed_in_month_two')) NOT VALID;
"""
REPLACE = """
ALTER TABLE risk_flags DROP CONSTRAINT ck_risk_flags_flag;
ALTER TABLE risk_flags RENAME CONSTRAINT ck_risk_flags_wider_flag TO ck_risk_flags_flag;
ALTER TABLE acquired_members ADD COLUMN paying_account text;
ALTER TABLE allocations ADD COLUMN paying_account text;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE risk_flags VALIDATE CONSTRAINT ck_risk_flags_wider_flag")
    execute_script(op, REPLACE)
