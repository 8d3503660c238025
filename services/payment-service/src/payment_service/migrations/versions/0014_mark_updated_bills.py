"""Mark when bills were updated, for clients that read what has changed.

Only adds, and exchanges an index for one that also has the mark. What the version before writes
beside it keeps its old mark: a client that reads offline reads everything anew once the last
process of that version has ended, or when the bill is written next.
"""

from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, drop_index_concurrently

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE bills ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()")
    create_index_concurrently(
        op,
        "ix_bills_member_id_id_marked",
        "bills",
        ["member_id", "id"],
        postgresql_include=["updated_at"],
    )
    drop_index_concurrently(op, "ix_bills_member_id_id", "bills")
