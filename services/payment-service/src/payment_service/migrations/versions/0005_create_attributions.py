"""Who cares for members, as member-service tells."""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations import grant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "attributed_members",
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("attribution_no", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("member_id", name="pk_attributed_members"),
    )
    grant(op, "attributed_members", "SELECT, INSERT, UPDATE")
    op.create_table(
        "attribution_periods",
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("from_date", sa.Date, nullable=False),
        sa.Column("until_date", sa.Date, nullable=False),
        sa.Column("agent_id", sa.Uuid),
        sa.Column("wadah_id", sa.Uuid),
        sa.Column("branch_code", sa.Text, nullable=False),
        sa.Column("region_code", sa.Text, nullable=False),
        sa.Column("agent_sees", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["attributed_members.member_id"], name="fk_attribution_periods_member_id"
        ),
        sa.PrimaryKeyConstraint("member_id", "from_date", name="pk_attribution_periods"),
    )
    for owner in ("agent_id", "wadah_id"):
        op.create_index(
            f"ix_attribution_periods_{owner}",
            "attribution_periods",
            [owner],
            postgresql_where=sa.text(f"{owner} IS NOT NULL"),
        )
    for scope in ("branch_code", "region_code"):
        op.create_index(f"ix_attribution_periods_{scope}", "attribution_periods", [scope])
    grant(op, "attribution_periods", "SELECT, INSERT, DELETE")
