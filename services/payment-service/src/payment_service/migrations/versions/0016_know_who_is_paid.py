"""Know which agents and wadahs have a verified bank account, and whom an agreement pays.

Expand: a new table and a nullable column, which the version before leaves empty. Both are filled
from the feed of agent-service; agreements from before say nothing of payment.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0016"
down_revision = "0015"

TABLES = """
CREATE TABLE payee_accounts (
    bank_account_id uuid NOT NULL,
    holder_kind varchar(40) NOT NULL,
    holder_id uuid NOT NULL,
    payouts_frozen_until timestamptz,
    decided_at timestamptz NOT NULL,
    CONSTRAINT pk_payee_accounts PRIMARY KEY (bank_account_id),
    CONSTRAINT ck_payee_accounts_holder_kind CHECK (holder_kind IN ('agent', 'wadah'))
);
CREATE INDEX ix_payee_accounts_holder_id ON payee_accounts (holder_id);
GRANT SELECT, INSERT ON payee_accounts TO {app};

ALTER TABLE wadah_agreements ADD COLUMN pays varchar(40);
ALTER TABLE wadah_agreements ADD CONSTRAINT ck_wadah_agreements_pays
    CHECK (pays IN ('wadah', 'agents')) NOT VALID;
ALTER TABLE wadah_agreements VALIDATE CONSTRAINT ck_wadah_agreements_pays;
"""


def upgrade() -> None:
    execute_script(op, TABLES)
