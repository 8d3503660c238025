"""The figures of a start page over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from agent_service.agents.rules import AgentStatus
from agent_service.dependencies import Configured
from agent_service.overview import service
from agent_service.overview.schemas import AgentsOverviewOut
from agent_service.scopes import OFFICES
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.dependencies import ReplicaSession

reading = APIRouter(prefix="/v1/overview/agents", tags=["agents"])
Reader = Annotated[Principal, Depends(require(Role.AGENT, Role.WADAH_ADMIN, *OFFICES))]


@reading.get("", dependencies=[made_at("as_of")])
async def get_overview(
    session: ReplicaSession, principal: Reader, settings: Configured
) -> AgentsOverviewOut:
    """Return the figures of the agents and applications that you may see."""
    found = await service.add_up(session, principal, settings)
    return AgentsOverviewOut(
        as_of=found.as_of,
        agents={status: found.agents.get(status, 0) for status in AgentStatus},
        waiting_applications=dict(found.applications),
        idle_agents=found.idle,
        inactive_agents=found.inactive,
        nearly_inactive_agents=found.nearly_inactive,
    )
