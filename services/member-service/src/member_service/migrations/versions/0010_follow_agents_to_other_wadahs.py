"""Follow the moves of agents to other wadahs, from the events of agent-service.

Only adds a table. The version before asks for no such event.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0010"
down_revision = "0009"

TABLE = """
CREATE TABLE agent_wadah_moves (
    move_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    from_wadah_id uuid NOT NULL,
    wadah_id uuid NOT NULL,
    from_date date NOT NULL,
    is_cancelled boolean NOT NULL,
    CONSTRAINT pk_agent_wadah_moves PRIMARY KEY (move_id)
);
CREATE INDEX ix_agent_wadah_moves_agent_id ON agent_wadah_moves (agent_id);
GRANT SELECT, INSERT, UPDATE (is_cancelled) ON agent_wadah_moves TO {app};
"""


def upgrade() -> None:
    execute_script(op, TABLE)
