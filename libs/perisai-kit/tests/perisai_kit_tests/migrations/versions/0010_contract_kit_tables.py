from alembic import op

from perisai_kit.db.migrations.event_positions import drop_positions_in_events
from perisai_kit.db.migrations.kit_tables import drop_defaults_of_before
from perisai_kit.db.partitions.convert import drop_keep_row, end_deletion_of_keys

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    drop_positions_in_events(op)
    end_deletion_of_keys(op)
    drop_keep_row(op)
    drop_defaults_of_before(op)
