"""Let a run pay one payee in several payouts, where the sum is more than a transfer may carry.

Expands only, and can be run again where it was interrupted. A process of the version before looks
at the payouts of a run as if each payee had one: all are replaced before a run is prepared.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0037"
down_revision = "0036"

WIDEN = """
ALTER TABLE payouts ADD COLUMN IF NOT EXISTS part bigint NOT NULL DEFAULT 1;
ALTER TABLE payouts DROP CONSTRAINT IF EXISTS ck_payouts_part;
ALTER TABLE payouts ADD CONSTRAINT ck_payouts_part CHECK (part > 0) NOT VALID;
"""
VALIDATE = "ALTER TABLE payouts VALIDATE CONSTRAINT ck_payouts_part"
UNIQUE = "uq_payouts_run_id_payee_id_part"
REPLACE = f"""
ALTER TABLE payouts ADD CONSTRAINT {UNIQUE} UNIQUE USING INDEX {UNIQUE};
ALTER TABLE payouts DROP CONSTRAINT uq_payouts_run_id_payee_id;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute(VALIDATE)
    create_index_concurrently(op, UNIQUE, "payouts", ["run_id", "payee_id", "part"], unique=True)
    execute_script(op, REPLACE)
