"""Count the NIKs whose refusal shows an account that somebody has them.

Expands only: the version before does not know the table.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script, grant

revision = "0018"
down_revision = "0017"

TABLE = """
CREATE TABLE asked_niks (
    account_id uuid NOT NULL,
    nik_hash bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    CONSTRAINT pk_asked_niks PRIMARY KEY (account_id, nik_hash)
);
CREATE INDEX ix_asked_niks_asked_at ON asked_niks (asked_at);
"""


def upgrade() -> None:
    execute_script(op, TABLE)
    grant(op, "asked_niks", "SELECT, INSERT, UPDATE, DELETE")
