"""Leave room for a new version of each member beside the old one, and drop an index without use.

Each payment changes its member's row, of which seven fill a page. Where the page has room for the
new version, the indexes of members stay as they are (PostgreSQL: heap-only tuples). A page that is
full already gets room when its next old version is cleaned up.
No statement looks for periods by their attribution any more; those of before did not either.
"""

from alembic import op

from perisai_kit.db.migrations.steps import drop_index_concurrently

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE members SET (fillfactor = 85)")
    drop_index_concurrently(op, "ix_attribution_periods_attribution_id", "attribution_periods")
