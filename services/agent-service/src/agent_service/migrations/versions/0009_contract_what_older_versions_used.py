"""Drop what only older versions used: contracts 0001, 0002, 0003, 0004 and 0006.

Dropped are the accounts in `agents`, which are in `bank_accounts`, the positions in `events`, the
right to delete idempotency keys with its trigger and index, and values of columns that the code
writes in each row.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import drop_positions_in_events
from perisai_kit.db.migrations.kit_tables import drop_defaults_of_before
from perisai_kit.db.migrations.steps import refuse_if
from perisai_kit.db.partitions.convert import drop_keep_row, end_deletion_of_keys

revision = "0009"
down_revision = "0008"

ONLY_IN_AGENTS = """
    SELECT EXISTS (
        SELECT FROM agents WHERE account_no IS NOT NULL AND NOT EXISTS (
            SELECT FROM bank_accounts WHERE holder_id = agents.id AND is_first
        )
    )
"""


def upgrade() -> None:
    refuse_if(
        op,
        ONLY_IN_AGENTS,
        "accounts of agents are not in bank_accounts: run the worker of a version whose task"
        " bank_accounts.copy copies them",
    )
    drop_positions_in_events(op)
    end_deletion_of_keys(op)
    drop_keep_row(op)
    drop_defaults_of_before(op)
    op.execute(
        "ALTER TABLE agents DROP COLUMN bank_code, DROP COLUMN account_no,"
        " DROP COLUMN account_holder_name"
    )
