"""Handlers of agent-service's events: the roles of agents."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.people import service
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
)


async def on_agent_activated(
    session: AsyncSession, event: AgentActivated | AgentReinstated
) -> None:
    """Give the account the role of the agent."""
    await service.add_agent(
        session,
        account_id=event.account_id,
        agent_id=event.agent_id,
        wadah_id=event.wadah_id,
        branch_code=event.branch_code,
        region_code=event.region_code,
        now=clock.real_now(),
    )


async def on_agent_away(session: AsyncSession, event: AgentSuspended | AgentDismissed) -> None:
    """Remove the role of the agent."""
    await service.remove_agent(
        session, account_id=event.account_id, agent_id=event.agent_id, now=clock.real_now()
    )
