"""What members have said and agreed to."""

from alembic import op

from perisai_kit.db.migrations import grant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE work_declarations (
            id uuid NOT NULL,
            member_id uuid NOT NULL,
            declared_on date NOT NULL,
            made_by uuid NOT NULL,
            made_at timestamptz NOT NULL,
            CONSTRAINT pk_work_declarations PRIMARY KEY (id),
            CONSTRAINT fk_work_declarations_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_work_declarations_member_id_made_at"
        " ON work_declarations (member_id, made_at)"
    )
    grant(op, "work_declarations", "SELECT, INSERT")
    op.execute(
        """
        CREATE TABLE consents (
            id uuid NOT NULL,
            member_id uuid NOT NULL,
            purpose_version text NOT NULL,
            given_at timestamptz NOT NULL,
            made_by uuid NOT NULL,
            made_at timestamptz NOT NULL,
            CONSTRAINT pk_consents PRIMARY KEY (id),
            CONSTRAINT fk_consents_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_consents_member_id_made_at ON consents (member_id, made_at)")
    grant(op, "consents", "SELECT, INSERT")
