"""Paid months by programme."""

from alembic import op

from perisai_kit.db.migrations import grant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE coverage_months (
            member_id uuid NOT NULL,
            month text NOT NULL,
            programme varchar(40) NOT NULL,
            payment_id uuid NOT NULL,
            paid_on date NOT NULL,
            recorded_at timestamptz NOT NULL,
            CONSTRAINT pk_coverage_months PRIMARY KEY (member_id, month, programme),
            CONSTRAINT ck_coverage_months_programme CHECK (programme IN ('jkk', 'jkm', 'jht')),
            CONSTRAINT fk_coverage_months_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    grant(op, "coverage_months", "SELECT, INSERT")
