"""Keep the periods in which somebody had a member, and find those of today by the index alone.

Only adds, and exchanges indexes for wider ones. The version before runs on beside it; it forgets
past periods, so those who had its members learn nothing of it.
"""

from typing import Any

from alembic import op
from sqlalchemy import text

from perisai_kit.db.migrations.steps import (
    create_index_concurrently,
    drop_index_concurrently,
    grant,
)

revision = "0015"
down_revision = "0014"

TABLE = "attribution_periods"
DAYS = ["from_date", "until_date"]


def upgrade() -> None:
    op.execute(f"ALTER TABLE {TABLE} ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now()")
    grant(op, TABLE, "UPDATE")
    _exchange("agent_id", "agent_members", [*DAYS, "agent_sees"], where="agent_id IS NOT NULL")
    _exchange("wadah_id", "wadah_members", DAYS, where="wadah_id IS NOT NULL")
    _exchange("branch_code", "branch_members", DAYS)
    _exchange("region_code", "region_members", DAYS)


def _exchange(column: str, name: str, include: list[str], *, where: str | None = None) -> None:
    options: dict[str, Any] = {} if where is None else {"postgresql_where": text(where)}
    create_index_concurrently(
        op,
        f"ix_{TABLE}_{name}",
        TABLE,
        [column, "member_id"],
        postgresql_include=include,
        **options,
    )
    drop_index_concurrently(op, f"ix_{TABLE}_{column}", TABLE)
