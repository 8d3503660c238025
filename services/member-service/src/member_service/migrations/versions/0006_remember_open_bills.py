"""Remember the open bill of each member, from the events of payment-service.

Only adds a table; the version before does not know it. It is filled from the beginning of the feed
by a subscription of its own.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0006"
down_revision = "0005"

TABLE = """
CREATE TABLE open_bills (
    member_id uuid NOT NULL,
    bill_id uuid NOT NULL,
    amount bigint NOT NULL,
    ends_at timestamptz NOT NULL,
    CONSTRAINT pk_open_bills PRIMARY KEY (member_id),
    CONSTRAINT uq_open_bills_bill_id UNIQUE (bill_id),
    CONSTRAINT ck_open_bills_amount CHECK (amount >= 0)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON open_bills TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLE)
