"""For which agent and wadah a member counts, and the agents as their feed tells."""

from alembic import op

from perisai_kit.db.migrations import grant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE attributions (
            id uuid NOT NULL,
            member_id uuid NOT NULL,
            agent_id uuid,
            wadah_id uuid,
            branch_code text NOT NULL,
            region_code text NOT NULL,
            from_month text NOT NULL,
            reason varchar(40) NOT NULL,
            made_by uuid NOT NULL,
            made_at timestamptz NOT NULL,
            CONSTRAINT pk_attributions PRIMARY KEY (id),
            CONSTRAINT ck_attributions_reason
                CHECK (reason IN (
                    'enrolled', 'agent_left', 'member_asked', 'correction', 'branch_decision'
                )),
            CONSTRAINT ck_attributions_agent_and_wadah
                CHECK ((agent_id IS NULL) = (wadah_id IS NULL)),
            CONSTRAINT fk_attributions_member_id FOREIGN KEY(member_id) REFERENCES members (id)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_attributions_member_id_made_at ON attributions (member_id, made_at)"
    )
    grant(op, "attributions", "SELECT, INSERT")
    op.execute(
        """
        CREATE TABLE known_agents (
            agent_id uuid NOT NULL,
            wadah_id uuid NOT NULL,
            branch_code text NOT NULL,
            region_code text NOT NULL,
            is_at_work boolean NOT NULL,
            CONSTRAINT pk_known_agents PRIMARY KEY (agent_id)
        )
        """
    )
    grant(op, "known_agents", "SELECT, INSERT, UPDATE")
