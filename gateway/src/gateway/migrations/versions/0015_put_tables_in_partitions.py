"""Put read audits and idempotency keys in partitions.

Expanded: the tables have the names, columns and rights of before, so the version before goes on
running beside them. It deletes idempotency keys row by row, which a trigger allows for old ones
only. A later migration takes away that right, the trigger `keep_rows` and the index
`ix_idempotency_keys_created_at`.
"""

from alembic import op

from perisai_kit.db.partitions.convert import convert_kit_tables

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    convert_kit_tables(op)
