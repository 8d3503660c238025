from typing import Annotated

from fastapi import APIRouter, Query

from agent_service.agents import service
from agent_service.agents.models import Agent
from agent_service.agents.rules import (
    AgentNotFound,
    AgentStatus,
    AgentStatusConflict,
    OwnCase,
    ReinstatementTooEarly,
)
from agent_service.agents.schemas import (
    AgentChangeOut,
    AgentDetailOut,
    AgentIdentityOut,
    AgentNameLookup,
    AgentNameOut,
    AgentNamesOut,
    AgentOut,
    NewDismissal,
    NewReinstatement,
    NewSuspension,
    OwnAgentOut,
)
from agent_service.agents.service import Described
from agent_service.branches.rules import BranchOutOfScope
from agent_service.dependencies import (
    Configured,
    Identifier,
    Officer,
    Service,
    SignedIn,
    TheAgent,
)
from agent_service.wadahs.rules import WadahNotActive
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page, Slice
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import AgentId, WadahId
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=ReadRoute)
own = APIRouter(prefix="/v1/me/agent", tags=["agents"], route_class=ReadRoute)
names = APIRouter(prefix="/v1/agent-names", tags=["agents"], route_class=TransactionRoute)

DECIDING = (AgentNotFound, BranchOutOfScope, OwnCase, AgentStatusConflict)


@reading.get("", response_model=Page[AgentOut])
async def list_agents(
    session: ReplicaSession,
    principal: SignedIn,
    status: Annotated[AgentStatus | None, Query(description="Only agents in this status.")] = None,
    wadah_id: Annotated[WadahId | None, Query(description="Only of this wadah.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Slice[Agent]:
    """List the agents you may see: yourself, those of your wadah, or those of your scope."""
    return await service.list_visible(
        session, principal=principal, status=status, wadah_id=wadah_id, cursor=cursor, limit=limit
    )


@reading.get("/{agent_id}", responses=problems(AgentNotFound))
async def get_agent(agent_id: AgentId, session: ReadSession, principal: SignedIn) -> AgentDetailOut:
    """Return one agent with the history of changes."""
    return _detail(await service.describe(session, agent_id, principal=principal))


@reading.get(
    "/{agent_id}/identity", response_model=AgentIdentityOut, responses=problems(AgentNotFound)
)
async def get_identity(agent_id: AgentId, session: ReadSession, reader: Identifier) -> Agent:
    """Return an agent's NIK, name and account unmasked. Every reading is recorded."""
    return await service.get_visible(session, agent_id, principal=reader)


@router.post("/{agent_id}/suspension", responses=problems(*DECIDING))
async def suspend_agent(
    agent_id: AgentId, body: NewSuspension, session: Session, officer: Officer, settings: Configured
) -> AgentDetailOut:
    """Suspend an agent. After inactivity the person waits 6 months to be an agent again."""
    wait = settings.reinstatement_wait_months
    return _detail(await service.suspend(session, agent_id, body, by=officer, wait_months=wait))


@router.post(
    "/{agent_id}/reinstatement",
    responses=problems(*DECIDING, ReinstatementTooEarly, WadahNotActive),
)
async def reinstate_agent(
    agent_id: AgentId, body: NewReinstatement, session: Session, officer: Officer
) -> AgentDetailOut:
    """Reinstate a suspended agent."""
    return _detail(await service.reinstate(session, agent_id, body, by=officer))


@router.post("/{agent_id}/dismissal", responses=problems(*DECIDING))
async def dismiss_agent(
    agent_id: AgentId, body: NewDismissal, session: Session, officer: Officer
) -> AgentDetailOut:
    """Dismiss an agent, for good. After fraud, crime or gratification they never return."""
    return _detail(await service.dismiss(session, agent_id, body, by=officer))


@own.get("", responses=problems(AgentNotFound))
async def get_own_agent(session: ReadSession, principal: TheAgent) -> OwnAgentOut:
    """Return your own record as an agent, with your whole name."""
    return OwnAgentOut.model_validate(await service.get_own(session, principal))


@names.post("")
async def list_names(asked: AgentNameLookup, session: Session, _: Service) -> AgentNamesOut:
    """Return the names of agents, for the lists of another service.

    The reading of all is recorded once.
    """
    found = await service.list_named(session, asked.agent_ids)
    return AgentNamesOut(
        items=[
            AgentNameOut(agent_id=agent.id, agent_code=agent.agent_code, full_name=agent.full_name)
            for agent in found
        ]
    )


def _detail(found: Described) -> AgentDetailOut:
    history = tuple(AgentChangeOut.model_validate(each) for each in found.history)
    return AgentDetailOut.model_validate(found.agent).model_copy(update={"history": history})
