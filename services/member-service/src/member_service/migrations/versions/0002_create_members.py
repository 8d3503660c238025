"""Members, and which of their fields were changed by whom."""

from alembic import op

from perisai_kit.db.migrations import grant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE members (
            id uuid NOT NULL,
            nik bytea NOT NULL,
            nik_hash bytea NOT NULL,
            nik_warnings text[] NOT NULL,
            kk bytea,
            full_name bytea NOT NULL,
            birth_date date NOT NULL,
            place_of_birth bytea NOT NULL,
            sex varchar(40) NOT NULL,
            phone bytea NOT NULL,
            phone_hash bytea NOT NULL,
            email bytea,
            street bytea NOT NULL,
            village text NOT NULL,
            district text NOT NULL,
            occupations text[] NOT NULL,
            declared_income bigint NOT NULL,
            programmes varchar(40)[] NOT NULL,
            employs_others boolean NOT NULL,
            payer varchar(40) NOT NULL,
            new_to_bpu boolean NOT NULL,
            new_to_bpu_basis varchar(40),
            branch_code text NOT NULL,
            region_code text NOT NULL,
            agent_id uuid,
            wadah_id uuid,
            attribution_id uuid,
            enrolled_on date NOT NULL,
            paid_through text,
            first_unpaid text,
            ends_on date,
            end_reason varchar(40),
            version integer NOT NULL,
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_members PRIMARY KEY (id),
            CONSTRAINT ck_members_sex CHECK (sex IN ('male', 'female')),
            CONSTRAINT ck_members_payer CHECK (payer IN ('self', 'sponsor', 'government')),
            CONSTRAINT ck_members_new_to_bpu_basis
                CHECK (new_to_bpu_basis IN ('member_statement', 'bpjs_record')),
            CONSTRAINT ck_members_occupations CHECK (cardinality(occupations) BETWEEN 1 AND 2),
            CONSTRAINT ck_members_programmes CHECK (programmes @> ARRAY['jkk', 'jkm']::varchar[]),
            CONSTRAINT ck_members_declared_income CHECK (declared_income > 0),
            CONSTRAINT ck_members_standing
                CHECK (num_nulls(paid_through, first_unpaid, ends_on, end_reason) IN (0, 4)),
            CONSTRAINT ck_members_end_reason CHECK (end_reason IN (
                'lapsed', 'death', 'claim', 'stopped_working', 'choice'
            )),
            CONSTRAINT uq_members_nik_hash UNIQUE (nik_hash)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_members_agent_id_created_at_id ON members (agent_id, created_at, id)"
    )
    op.execute(
        "CREATE INDEX ix_members_branch_code_created_at_id ON members (branch_code, created_at, id)"
    )
    op.execute("CREATE INDEX ix_members_created_at_id ON members (created_at, id)")
    op.execute("CREATE INDEX ix_members_phone_hash ON members (phone_hash)")
    op.execute(
        "CREATE INDEX ix_members_region_code_created_at_id ON members (region_code, created_at, id)"
    )
    op.execute(
        "CREATE INDEX ix_members_wadah_id_created_at_id ON members (wadah_id, created_at, id)"
    )
    grant(op, "members", "SELECT, INSERT, UPDATE")
    op.execute(
        """
        CREATE TABLE member_changes (
            id uuid NOT NULL,
            member_id uuid NOT NULL,
            version integer NOT NULL,
            changed text[] NOT NULL,
            made_by uuid NOT NULL,
            made_at timestamptz NOT NULL,
            CONSTRAINT pk_member_changes PRIMARY KEY (id),
            CONSTRAINT fk_member_changes_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_member_changes_member_id_made_at ON member_changes (member_id, made_at)"
    )
    grant(op, "member_changes", "SELECT, INSERT")
