"""Enrolment batches with the verdict on each row."""

from alembic import op

from perisai_kit.db.migrations import grant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE enrolment_batches (
            id uuid NOT NULL,
            account_id uuid NOT NULL,
            agent_id uuid,
            branch_code text NOT NULL,
            region_code text NOT NULL,
            content_hash bytea NOT NULL,
            received_at timestamptz NOT NULL,
            CONSTRAINT pk_enrolment_batches PRIMARY KEY (id)
        )
        """
    )
    grant(op, "enrolment_batches", "SELECT, INSERT")
    op.execute(
        """
        CREATE TABLE enrolment_rows (
            batch_id uuid NOT NULL,
            row integer NOT NULL,
            row_id uuid,
            status varchar(40) NOT NULL,
            code text,
            errors jsonb NOT NULL,
            member_id uuid,
            CONSTRAINT pk_enrolment_rows PRIMARY KEY (batch_id, row),
            CONSTRAINT ck_enrolment_rows_status
                CHECK (status IN ('accepted', 'refused', 'duplicate')),
            CONSTRAINT fk_enrolment_rows_batch_id
                FOREIGN KEY(batch_id) REFERENCES enrolment_batches (id)
        )
        """
    )
    grant(op, "enrolment_rows", "SELECT, INSERT")
