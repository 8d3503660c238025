"""Store by which corporate id the bank of an account of ours knows us.

The version before leaves the column empty, so it runs beside this one.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0027"
down_revision = "0026"

COLUMN = """
ALTER TABLE payout_accounts ADD COLUMN corporate_id text;
ALTER TABLE payout_accounts ADD CONSTRAINT ck_payout_accounts_corporate_id
    CHECK (channel = 'snap' OR corporate_id IS NULL) NOT VALID;
"""
VALIDATION = "ALTER TABLE payout_accounts VALIDATE CONSTRAINT ck_payout_accounts_corporate_id"


def upgrade() -> None:
    execute_script(op, COLUMN)
    with op.get_context().autocommit_block():
        op.execute(VALIDATION)
