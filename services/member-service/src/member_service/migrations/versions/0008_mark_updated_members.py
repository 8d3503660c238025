"""Mark when members were updated, for clients that read what has changed.

Only adds. What the version before writes beside it is marked only as far as `listings.index_words`
and `listings.repair` find it: a client that reads offline reads everything anew once the last
process of the version before has ended, or when something of the member is written next.
"""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0008"
down_revision = "0007"

TABLE = """
CREATE TABLE member_updates (
    member_id uuid NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_member_updates PRIMARY KEY (member_id)
);
GRANT SELECT, INSERT, UPDATE ON member_updates TO {app};
INSERT INTO member_updates (member_id) SELECT id FROM members;
CREATE INDEX ix_member_updates_updated_at_member_id ON member_updates (updated_at, member_id);

ALTER TABLE attribution_periods ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
"""


def upgrade() -> None:
    execute_script(op, TABLE)
    table = "attribution_periods"
    over = sa.text("until_date < '9999-12-31'")
    create_index_concurrently(
        op, "ix_attribution_periods_from_date_member_id", table, ["from_date", "member_id"]
    )
    create_index_concurrently(
        op, "ix_attribution_periods_over", table, ["member_id"], postgresql_where=over
    )
