"""Fill in the accounts of former agents, and the first sign-ins."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

BATCH = 1_000
FIRST, LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)

# The account of an agent who was suspended or dismissed names the agent no more. What shows them is
# that taking the role away ended the access tokens alone: every other change of a person's account
# ended the sessions at the same instant. Not knowable are those whose account was locked or given
# another number afterwards; they are remembered at the next event about the agent.
FILL = (
    """
UPDATE accounts SET was_agent_at = coalesce(tokens_valid_from, now())
WHERE id > :after AND id <= :upto AND was_agent_at IS NULL AND (agent_id IS NOT NULL
    OR (kind = 'person' AND tokens_valid_from IS DISTINCT FROM sessions_valid_from))
""",
    """
UPDATE accounts SET first_signed_in_at = first.at
FROM (
    SELECT account_id, min(created_at) AS at FROM sessions
    WHERE account_id > :after AND account_id <= :upto GROUP BY account_id
) AS first
WHERE first.account_id = accounts.id AND first_signed_in_at IS NULL
""",
)
NEXT = "SELECT id FROM accounts WHERE id > :after ORDER BY id OFFSET :passed LIMIT 1"


def upgrade() -> None:
    # Each batch is committed by itself, so that nobody waits for the whole table to sign in. What
    # was filled in before a failure is passed over the next time.
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        after = FIRST
        while after < LAST:
            passed = {"after": after, "passed": BATCH - 1}
            upto = connection.scalar(sa.text(NEXT), passed) or LAST
            for statement in FILL:
                connection.execute(sa.text(statement), {"after": after, "upto": upto})
            after = upto
