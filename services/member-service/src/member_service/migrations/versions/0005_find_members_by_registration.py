"""Copy the registration of members to where lists look, and index it.

Only adds. The version before neither writes the copies nor `members.unpaid_months`: what it judges
and hands over meanwhile is found by `is_state_known` and `ix_members_to_judge`, and judged again by
the periodic task `listings.repair`. A later migration drops these two marks.
"""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0005"
down_revision = "0004"

COLUMNS = """
ALTER TABLE members ADD COLUMN unpaid_months text;
ALTER TABLE attribution_periods
    ADD COLUMN first_unpaid text,
    ADD COLUMN ends_on date,
    ADD COLUMN end_reason varchar(40),
    ADD COLUMN unpaid_months text,
    ADD COLUMN is_state_known boolean NOT NULL DEFAULT false;
ALTER TABLE attribution_periods
    ADD CONSTRAINT ck_attribution_periods_end_reason CHECK (end_reason IN (
        'lapsed', 'death', 'claim', 'stopped_working', 'choice')) NOT VALID;
GRANT UPDATE (first_unpaid, ends_on, end_reason, unpaid_months, is_state_known)
    ON attribution_periods TO {app};
"""
# Without a reversal the unpaid months follow one another.
COPY = """
UPDATE attribution_periods AS period
SET first_unpaid = member.first_unpaid, ends_on = member.ends_on, end_reason = member.end_reason,
    unpaid_months = member.first_unpaid
        || to_char((member.first_unpaid || '-01')::date + interval '1 month', ' YYYY-MM')
        || to_char((member.first_unpaid || '-01')::date + interval '2 months', ' YYYY-MM'),
    is_state_known = true
FROM members AS member
WHERE member.id = period.member_id
    AND period.member_id IN (
        SELECT member_id FROM attribution_periods WHERE NOT is_state_known LIMIT 10000)
"""
INDEXES = {
    "ix_attribution_periods_branch_ends": ["branch_code", "ends_on", "member_id"],
    "ix_attribution_periods_ends_on_member_id": ["ends_on", "member_id"],
    "ix_attribution_periods_enrolled_at_member_id": ["enrolled_at", "member_id"],
}
PARTIAL_INDEXES = {
    "ix_attribution_periods_ended": (
        ["ends_on", "member_id"],
        "end_reason <> 'lapsed'",
    ),
    "ix_attribution_periods_without_agent": (
        ["branch_code", "enrolled_at", "member_id"],
        "agent_id IS NULL",
    ),
}


def upgrade() -> None:
    execute_script(op, COLUMNS)
    table = "attribution_periods"
    unknown = sa.text("NOT is_state_known")
    name = "ix_attribution_periods_state_unknown"
    create_index_concurrently(op, name, table, ["member_id"], postgresql_where=unknown)
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_attribution_periods_end_reason")
        # In short transactions, so that a hand-over waits for none of them for long.
        while op.get_bind().execute(sa.text(COPY)).rowcount:
            pass
    for name, columns in INDEXES.items():
        create_index_concurrently(op, name, table, columns)
    for name, (columns, where) in PARTIAL_INDEXES.items():
        create_index_concurrently(op, name, table, columns, postgresql_where=sa.text(where))
    village = [sa.text("lower(village)"), "id"]
    create_index_concurrently(op, "ix_members_village", "members", village)
    to_judge = sa.text('"left"(unpaid_months, 7) IS DISTINCT FROM first_unpaid')
    create_index_concurrently(
        op, "ix_members_to_judge", "members", ["id"], postgresql_where=to_judge
    )
