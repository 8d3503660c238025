"""Let administrators have the whole country; one of a branch or a region loses the role."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # NOT VALID: no row is looked at while the table is locked; the next migration does that. From
    # here on an old row that is written must fit, so the few that do not are changed at once,
    # found by the index on roles.
    op.execute(
        "ALTER TABLE accounts ADD CONSTRAINT ck_accounts_admin CHECK"
        " (NOT 'admin' = ANY (roles) OR scope_kind IS NOT DISTINCT FROM 'country') NOT VALID"
    )
    # Without a scope an administrator had the country already. One of a branch or a region loses
    # the role: nobody becomes an administrator of more by a migration.
    op.execute(
        "UPDATE accounts SET scope_kind = 'country' WHERE roles @> '{admin}' AND scope_kind IS NULL"
    )
    op.execute(
        "INSERT INTO account_changes (id, account_id, at, change, source, before, after)"
        " SELECT gen_random_uuid(), id, now(), 'roles_changed', 'migration',"
        " jsonb_build_object('roles', roles),"
        " jsonb_build_object('roles', array_remove(roles, 'admin'))"
        " FROM accounts WHERE roles @> '{admin}' AND scope_kind <> 'country'"
    )
    op.execute(
        "UPDATE accounts SET roles = array_remove(roles, 'admin'), tokens_valid_from = now(),"
        " version = version + 1 WHERE roles @> '{admin}' AND scope_kind <> 'country'"
    )
