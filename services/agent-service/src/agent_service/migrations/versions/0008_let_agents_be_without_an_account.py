"""Let the table of positions alone tell which events are numbered, and agents have no account.

Expands only. The account of an agent is in `bank_accounts`: the version after this one does not
write it to `agents` too. Refused while an account is in `agents` alone: a worker of the version
before copies it within a minute.
"""

from alembic import op

from perisai_kit.db.migrations.event_positions import complete_event_positions
from perisai_kit.db.migrations.steps import refuse_if

revision = "0008"
down_revision = "0007"

NOT_COPIED = """
    SELECT EXISTS (
        SELECT FROM agents WHERE NOT EXISTS (
            SELECT FROM bank_accounts WHERE holder_id = agents.id AND is_first
        )
    )
"""


def upgrade() -> None:
    refuse_if(
        op,
        NOT_COPIED,
        "accounts of agents are not in bank_accounts yet: run the worker of the version before"
        " until its task bank_accounts.copy has copied them",
    )
    op.execute(
        "ALTER TABLE agents ALTER bank_code DROP NOT NULL, ALTER account_no DROP NOT NULL,"
        " ALTER account_holder_name DROP NOT NULL"
    )
    complete_event_positions(op)
