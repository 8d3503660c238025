"""Store by which network an account of ours pays to other banks, and which each transfer named.

The version before leaves both columns empty and lets the bank's default go, which is what an empty
one says, so it runs beside this one. It can be run again where it was interrupted.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0033"
down_revision = "0032"

COLUMNS = """
ALTER TABLE payout_accounts ADD COLUMN IF NOT EXISTS interbank_route varchar(40);
ALTER TABLE payout_accounts DROP CONSTRAINT IF EXISTS ck_payout_accounts_interbank_route;
ALTER TABLE payout_accounts ADD CONSTRAINT ck_payout_accounts_interbank_route
    CHECK (interbank_route IN ('switch', 'bi_fast')) NOT VALID;
ALTER TABLE payout_accounts DROP CONSTRAINT IF EXISTS ck_payout_accounts_interbank_route_snap;
ALTER TABLE payout_accounts ADD CONSTRAINT ck_payout_accounts_interbank_route_snap
    CHECK (channel = 'snap' OR interbank_route IS NULL) NOT VALID;
ALTER TABLE payout_transfers ADD COLUMN IF NOT EXISTS interbank_route varchar(40);
ALTER TABLE payout_transfers DROP CONSTRAINT IF EXISTS ck_payout_transfers_interbank_route;
ALTER TABLE payout_transfers ADD CONSTRAINT ck_payout_transfers_interbank_route
    CHECK (interbank_route IN ('switch', 'bi_fast')) NOT VALID;
ALTER TABLE payout_transfers DROP CONSTRAINT IF EXISTS ck_payout_transfers_interbank_route_sent;
ALTER TABLE payout_transfers ADD CONSTRAINT ck_payout_transfers_interbank_route_sent
    CHECK (interbank_route IS NULL OR (service_code = '18' AND external_id IS NOT NULL)) NOT VALID;
"""
VALIDATIONS = (
    "ALTER TABLE payout_accounts VALIDATE CONSTRAINT ck_payout_accounts_interbank_route",
    "ALTER TABLE payout_accounts VALIDATE CONSTRAINT ck_payout_accounts_interbank_route_snap",
    "ALTER TABLE payout_transfers VALIDATE CONSTRAINT ck_payout_transfers_interbank_route",
    "ALTER TABLE payout_transfers VALIDATE CONSTRAINT ck_payout_transfers_interbank_route_sent",
)


def upgrade() -> None:
    execute_script(op, COLUMNS)
    with op.get_context().autocommit_block():
        for validation in VALIDATIONS:
            op.execute(validation)
