"""Keep whether an acquired member is 60 or more, and allow the risk flag that follows from it.

Expands only. Of acquisitions from before, and of those that an older version takes, it stays null,
and null raises no flag. It can be run again where it was interrupted. A process of the version
before cannot list the new flag, so those that answer requests are replaced before the worker.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0014"
down_revision = "0013"

WIDEN = """
ALTER TABLE risk_flags DROP CONSTRAINT IF EXISTS ck_risk_flags_wider_flag;
ALTER TABLE risk_flags ADD CONSTRAINT ck_risk_flags_wider_flag CHECK (flag IN ('shared_phone',
    'shared_address', 'same_batch', 'shared_paying_account', 'many_older', 'lapsed_in_month_two'))
    NOT VALID;
"""
REPLACE = """
ALTER TABLE risk_flags DROP CONSTRAINT ck_risk_flags_flag;
ALTER TABLE risk_flags RENAME CONSTRAINT ck_risk_flags_wider_flag TO ck_risk_flags_flag;
ALTER TABLE acquired_members ADD COLUMN is_older boolean;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE risk_flags VALIDATE CONSTRAINT ck_risk_flags_wider_flag")
    execute_script(op, REPLACE)
