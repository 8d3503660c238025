"""What agent-service's feed tells of agents whose statements are held."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds import service as holds
from payment_service.statement_holds import service
from perisai_kit.events.catalogue import AgentDismissed

AGENTS = "incentive_holds.agents"
"""The subscription to agent-service's feed. The name is its cursor's key: never rename it."""


async def on_agents_dismissed(session: AsyncSession, events: Sequence[AgentDismissed]) -> None:
    """Hold what is stated for agents dismissed for cause; others are left alone."""
    agent_ids = await holds.take_dismissals(session, events)
    if agent_ids:
        await service.hold_dismissed(session, agent_ids)
