"""Store on which day a bank paid a payout or gave it back, which books and tax follow.

The version before leaves the columns empty and books on the day of the change, which is what an
empty one says, so it runs beside this one. It can be run again where it was interrupted.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0038"
down_revision = "0037"

COLUMNS = """
ALTER TABLE payout_transfer_changes ADD COLUMN IF NOT EXISTS executed_on date;
ALTER TABLE payout_transfer_changes ADD COLUMN IF NOT EXISTS stated_on date;
ALTER TABLE payout_settlement_proposals ADD COLUMN IF NOT EXISTS executed_on date;
ALTER TABLE payout_answer_rows ADD COLUMN IF NOT EXISTS executed_on date;
"""


def upgrade() -> None:
    execute_script(op, COLUMNS)
