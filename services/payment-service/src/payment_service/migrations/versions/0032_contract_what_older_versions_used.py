"""Drop what only older versions used: contracts 0001, 0003, 0005, 0006 and 0007.

Dropped are the positions in `events`, the rights to delete external ids and idempotency keys with
their triggers and indexes, the right to lock the ledger for a snapshot of balances, and values of
columns that the code writes in each row. No row of the ledger is touched.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import drop_positions_in_events
from perisai_kit.db.migrations.kit_tables import drop_defaults_of_before
from perisai_kit.db.migrations.steps import execute_script
from perisai_kit.db.partitions.convert import drop_keep_row, end_deletion, end_deletion_of_keys

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    drop_positions_in_events(op)
    end_deletion_of_keys(op)
    end_deletion(op, "snap_external_ids", index="ix_snap_external_ids_day")
    drop_keep_row(op)
    drop_defaults_of_before(op)
    execute_script(op, "REVOKE MAINTAIN ON ledger_transfers FROM {app};\n")
