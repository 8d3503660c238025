from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attributions import service
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
)


async def on_agent_at_work(session: AsyncSession, event: AgentActivated | AgentReinstated) -> None:
    await service.note_agent(
        session,
        agent_id=event.agent_id,
        wadah_id=event.wadah_id,
        branch_code=event.branch_code,
        region_code=event.region_code,
    )


async def on_agent_away(session: AsyncSession, event: AgentSuspended | AgentDismissed) -> None:
    await service.note_agent_away(session, agent_id=event.agent_id)
