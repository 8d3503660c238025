"""Judge the open bill of a corrected member anew, and allow the reasons for which it is withdrawn.

Expands only: the version before gives none of them, and notes corrected names alone. It can be run
again where it was interrupted.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0046"
down_revision = "0045"

WIDEN = """
ALTER TABLE bills DROP CONSTRAINT IF EXISTS ck_bills_wider_void_reason_choice;
ALTER TABLE bills ADD CONSTRAINT ck_bills_wider_void_reason_choice CHECK (void_reason IN (
    'wrong_months', 'wrong_data', 'member_request', 'registration_ended', 'months_paid', 'over_age',
    'data_corrected')) NOT VALID;
"""
REPLACE = """
ALTER TABLE bills DROP CONSTRAINT ck_bills_void_reason_choice;
ALTER TABLE bills RENAME CONSTRAINT ck_bills_wider_void_reason_choice
    TO ck_bills_void_reason_choice;
ALTER TABLE renamed_members ADD COLUMN is_judged boolean NOT NULL DEFAULT false;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE bills VALIDATE CONSTRAINT ck_bills_wider_void_reason_choice")
    execute_script(op, REPLACE)
