"""Registrations, the allocations that make them, and corrections of holidays."""

from alembic import op

from perisai_kit.db.migrations import grant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE registrations (
            id uuid NOT NULL,
            member_id uuid NOT NULL,
            began_at timestamptz NOT NULL,
            first_month text NOT NULL,
            kind varchar(40) NOT NULL,
            declaration_id uuid NOT NULL,
            age integer NOT NULL,
            ends_on date NOT NULL,
            end_reason varchar(40) NOT NULL,
            announced_at timestamptz,
            superseded_at timestamptz,
            CONSTRAINT pk_registrations PRIMARY KEY (id),
            CONSTRAINT ck_registrations_kind CHECK (kind IN ('first', 'return')),
            CONSTRAINT ck_registrations_end_reason CHECK (end_reason IN (
                'lapsed', 'death', 'claim', 'stopped_working', 'choice'
            )),
            CONSTRAINT fk_registrations_member_id FOREIGN KEY(member_id) REFERENCES members (id),
            CONSTRAINT fk_registrations_declaration_id
                FOREIGN KEY(declaration_id) REFERENCES work_declarations (id)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_registrations_present ON registrations (member_id, began_at)"
        " WHERE superseded_at IS NULL"
    )
    op.execute(
        "CREATE INDEX ix_registrations_unannounced ON registrations (ends_on)"
        " WHERE announced_at IS NULL AND superseded_at IS NULL"
    )
    grant(op, "registrations", "SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE reported_endings (
            id uuid NOT NULL,
            member_id uuid NOT NULL,
            last_day date NOT NULL,
            reason varchar(40) NOT NULL,
            reported_by uuid NOT NULL,
            reported_at timestamptz NOT NULL,
            withdrawn_by uuid,
            withdrawn_at timestamptz,
            CONSTRAINT pk_reported_endings PRIMARY KEY (id),
            CONSTRAINT ck_reported_endings_reason
                CHECK (reason IN ('lapsed', 'death', 'claim', 'stopped_working', 'choice')),
            CONSTRAINT fk_reported_endings_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_reported_endings_member_id ON reported_endings (member_id)")
    grant(op, "reported_endings", "SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at)")
    op.execute(
        """
        CREATE TABLE allocations (
            id uuid NOT NULL,
            bill_id uuid NOT NULL,
            member_id uuid NOT NULL,
            issued_at timestamptz NOT NULL,
            counts_at timestamptz NOT NULL,
            received_at timestamptz NOT NULL,
            months text[] NOT NULL,
            programmes varchar(40)[] NOT NULL,
            answer_no integer NOT NULL,
            declined varchar(40),
            withdrawn text[] NOT NULL,
            CONSTRAINT pk_allocations PRIMARY KEY (id),
            CONSTRAINT ck_allocations_declined CHECK (declined IN (
                'month_paid', 'before_first_month', 'no_registration', 'not_declared', 'over_age',
                'deceased'
            )),
            CONSTRAINT fk_allocations_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_allocations_member_id ON allocations (member_id)")
    grant(op, "allocations", "SELECT, INSERT, UPDATE (answer_no, declined, withdrawn)")
    op.execute(
        """
        CREATE TABLE holiday_corrections (
            id uuid NOT NULL,
            day date NOT NULL,
            is_holiday boolean NOT NULL,
            name text NOT NULL,
            made_by uuid NOT NULL,
            made_at timestamptz NOT NULL,
            CONSTRAINT pk_holiday_corrections PRIMARY KEY (id)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_holiday_corrections_day_made_at ON holiday_corrections (day, made_at)"
    )
    grant(op, "holiday_corrections", "SELECT, INSERT")
