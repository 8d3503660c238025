"""Store what the X-EXTERNAL-IDs of a bank partner consist of: digits, or text.

Only adds. The version before takes digits only: a bank that sends text is served by processes of
this one.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0042"
down_revision = "0041"

COLUMN = """
ALTER TABLE bank_partners
    ADD COLUMN external_id_format varchar(40) NOT NULL DEFAULT 'numeric';
ALTER TABLE bank_partners
    ADD CONSTRAINT ck_bank_partners_external_id_format CHECK (external_id_format IN ('numeric',
        'text36'));
"""


def upgrade() -> None:
    execute_script(op, COLUMN)
