"""Let a bank give a company code to one partner only: two would show the same virtual accounts."""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0004"
down_revision = "0003"

INDEX = """
CREATE UNIQUE INDEX uq_bank_partners_company_code ON bank_partners (bank_code, company_code);
"""


def upgrade() -> None:
    execute_script(op, INDEX)
