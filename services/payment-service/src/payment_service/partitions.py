"""The tables of this service in partitions: docs/retention.md says why each is kept so long."""

from perisai_kit.db.partitions.tables import (
    KIT_TABLES,
    PartitionedBy,
    PartitionedTable,
    Removal,
)

CALLBACKS = PartitionedTable(
    "callbacks", "id", PartitionedBy.ID_MONTH, ahead=3, kept=13, removal=Removal.ARCHIVE
)
EXTERNAL_IDS = PartitionedTable(
    # An X-EXTERNAL-ID counts on one Jakarta day; the rest is room for clocks that differ.
    "snap_external_ids",
    "day",
    PartitionedBy.DAY,
    ahead=7,
    kept=3,
)
COMMISSION_LINES = PartitionedTable(
    "commission_lines", "earned_month", PartitionedBy.MONTH, ahead=3, kept=None
)

TABLES = (*KIT_TABLES, CALLBACKS, EXTERNAL_IDS, COMMISSION_LINES)
