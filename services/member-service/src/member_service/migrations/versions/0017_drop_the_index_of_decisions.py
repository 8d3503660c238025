"""Drop the index that found attribution periods by their decision.

Since the version before, a hand-over finds an agent's book by the key of periods. Each payment
moves the end of a registration, which writes an entry in every index of periods.
"""

from alembic import op

from perisai_kit.db.migrations.steps import drop_index_concurrently

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    drop_index_concurrently(op, "ix_attribution_periods_attribution_id", "attribution_periods")
