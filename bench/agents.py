"""The agents of the seeded members, as events of agent-service."""

from datetime import timedelta
from hashlib import md5
from uuid import UUID

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.catalogue import AgentActivated, WadahAgreementSigned
from perisai_kit.events.outbox import publish
from sandbox.seed import BRANCH, REGION

AGENTS, WADAHS = 1000, 20
AT_WORK_FOR = timedelta(days=60)
AGREEMENT = timedelta(days=365)


def name_id(kind: str, number: int) -> UUID:
    """Return the id of an agent or wadah, as `md5('agent 7')::uuid` in SQL."""
    return UUID(md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest())


async def publish_agents(url: str) -> None:
    """Publish that all agents work and all wadahs have an agreement, since long before.

    url: an empty migrated database of agent-service.
    """
    began = clock.now() - AT_WORK_FOR
    starts_on = jakarta_date(began)
    agreements = [
        WadahAgreementSigned(
            wadah_id=name_id("wadah", number),
            agreement_id=new_id(),
            starts_on=starts_on,
            ends_on=starts_on + AGREEMENT,
        )
        for number in range(WADAHS)
    ]
    agents = [
        AgentActivated(
            agent_id=name_id("agent", number),
            account_id=new_id(),
            member_id=new_id(),
            wadah_id=name_id("wadah", number % WADAHS),
            branch_code=BRANCH["code"],
            region_code=REGION,
            agent_code=f"A-{number}",
            decided_at=began,
        )
        for number in range(AGENTS)
    ]
    database = Database(url)
    try:
        async with database.begin() as session:
            await publish(session, *agreements, *agents)
    finally:
        await database.dispose()
