"""Record every change of a bank partner with its author.

Only adds. The version before writes no such rows, so the history of a partner begins with this one.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0044"
down_revision = "0043"

TABLE = """
CREATE TABLE bank_partner_changes (
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    at timestamptz NOT NULL,
    change varchar(40) NOT NULL,
    author_id uuid NOT NULL,
    version bigint NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    CONSTRAINT pk_bank_partner_changes PRIMARY KEY (id),
    CONSTRAINT fk_bank_partner_changes_partner_id FOREIGN KEY (partner_id) REFERENCES
        bank_partners (id),
    CONSTRAINT ck_bank_partner_changes_change CHECK (change IN ('registered', 'activated',
        'suspended', 'outbound_replaced', 'settings_replaced', 'credentials_proposed',
        'credentials_approved', 'credentials_rejected', 'credentials_ended'))
);
CREATE INDEX ix_bank_partner_changes_partner_id_id ON bank_partner_changes (partner_id, id);
GRANT SELECT, INSERT ON bank_partner_changes TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLE)
