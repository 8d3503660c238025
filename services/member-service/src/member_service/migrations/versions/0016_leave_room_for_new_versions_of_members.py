"""Leave room for a new version of each member beside the old one.

Each payment changes its member's row, of which seven fill a page. Where the page has room for the
new version, the indexes of members stay as they are (PostgreSQL: heap-only tuples). A page that is
full already gets room when its next old version is cleaned up.
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE members SET (fillfactor = 85)")
