"""Give the messages of banks a type to be stored by: one array instead of one for each column.

Only adds a type. The version before does not use it. A new column of `callbacks` needs another type
beside this one, because processes of an older version go on writing rows of this one.
"""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.execute("""
        CREATE TYPE stored_callback AS (
            id uuid, partner_id uuid, service text, received_at timestamptz, source text,
            target text, headers text, external_id text, signed_over text, body bytea,
            request_id text, content_hash bytea, verdict text, http_status bigint,
            response_code text, answer bytea, payment_id uuid, first_id uuid, dropped_fields text,
            offered_amount bigint, order_id uuid, scope text, day date
        )
    """)
