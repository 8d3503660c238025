"""Let accounts have the role of a bank's engineer, whose scope is one bank partner.

Expands only, and can be run again where it was interrupted. A process of the version before knows
neither the role nor the scope, so all gateways are replaced before the first such account is made.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0023"
down_revision = "0022"

WIDEN = """
ALTER TABLE accounts DROP CONSTRAINT IF EXISTS ck_accounts_wider_scope;
ALTER TABLE accounts ADD CONSTRAINT ck_accounts_wider_scope CHECK (
    (scope_kind IS NULL AND scope_code IS NULL AND scope_region IS NULL)
    OR (scope_kind = 'country' AND scope_code IS NULL AND scope_region IS NULL)
    OR (scope_kind = 'region' AND scope_code IS NOT NULL AND scope_region IS NULL)
    OR (scope_kind = 'branch' AND scope_code IS NOT NULL AND scope_region IS NOT NULL)
    OR (scope_kind = 'bank_partner' AND scope_code IS NOT NULL AND scope_region IS NULL)
) NOT VALID;
ALTER TABLE accounts DROP CONSTRAINT IF EXISTS ck_accounts_bank_engineer;
ALTER TABLE accounts ADD CONSTRAINT ck_accounts_bank_engineer CHECK (
    CASE WHEN 'bank_engineer' = ANY (roles) THEN roles = '{bank_engineer}'
        AND scope_kind IS NOT DISTINCT FROM 'bank_partner' AND wadah_id IS NULL
    ELSE scope_kind IS DISTINCT FROM 'bank_partner' END
) NOT VALID;
"""
REPLACE = """
ALTER TABLE accounts DROP CONSTRAINT ck_accounts_scope;
ALTER TABLE accounts RENAME CONSTRAINT ck_accounts_wider_scope TO ck_accounts_scope;
"""


def upgrade() -> None:
    execute_script(op, WIDEN)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE accounts VALIDATE CONSTRAINT ck_accounts_wider_scope")
        op.execute("ALTER TABLE accounts VALIDATE CONSTRAINT ck_accounts_bank_engineer")
    execute_script(op, REPLACE)
