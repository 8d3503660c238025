"""Let balances be stored without a lock on the ledger, and old ones be forgotten.

Only adds privileges, so it runs beside the version before, which takes the lock; that privilege
goes when no such version runs any more.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0003"
down_revision = "0002"

GRANTS = """
GRANT SELECT ON SEQUENCE ledger_transfers_id_seq TO {app};
GRANT DELETE ON ledger_balance_snapshots TO {app};
"""


def upgrade() -> None:
    execute_script(op, GRANTS)
