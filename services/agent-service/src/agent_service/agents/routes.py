from typing import Annotated

from fastapi import APIRouter, Query

from agent_service.agents import service
from agent_service.agents.models import Agent
from agent_service.agents.rules import (
    AgentNotFound,
    AgentStatus,
    AgentStatusConflict,
    OwnCase,
    Place,
    ReinstatementTooEarly,
    may_name,
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
    PlannedMoveOut,
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
from perisai_kit.auth.principal import Principal
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import AgentId, WadahId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.masks import mask_name

router = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=ReadRoute)
own = APIRouter(prefix="/v1/me/agent", tags=["agents"], route_class=ReadRoute)
names = APIRouter(prefix="/v1/agent-names", tags=["agents"], route_class=ReadRoute)

DECIDING = (AgentNotFound, BranchOutOfScope, OwnCase, AgentStatusConflict)


@reading.get("")
async def list_agents(
    session: ReplicaSession,
    principal: SignedIn,
    status: Annotated[AgentStatus | None, Query(description="Only agents in this status.")] = None,
    wadah_id: Annotated[WadahId | None, Query(description="Only of this wadah.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AgentOut]:
    """List the agents you may see: yourself, those of your wadah, or those of your scope.

    Reading is recorded, once a list.
    """
    found = await service.list_visible(
        session, principal=principal, status=status, wadah_id=wadah_id, cursor=cursor, limit=limit
    )
    return found.page(lambda agent: _summary(agent, principal))


@reading.get("/{agent_id}", responses=problems(AgentNotFound))
async def get_agent(agent_id: AgentId, session: ReadSession, principal: SignedIn) -> AgentDetailOut:
    """Return one agent with the history of changes."""
    return _detail(await service.describe(session, agent_id, principal=principal), principal)


@reading.get(
    "/{agent_id}/identity", response_model=AgentIdentityOut, responses=problems(AgentNotFound)
)
async def get_identity(agent_id: AgentId, session: ReadSession, reader: Identifier) -> Agent:
    """Return an agent's NIK and name unmasked. Every reading is recorded."""
    return await service.get_visible(session, agent_id, principal=reader)


@router.post("/{agent_id}/suspension", responses=problems(*DECIDING))
async def suspend_agent(
    agent_id: AgentId, body: NewSuspension, session: Session, officer: Officer, settings: Configured
) -> AgentDetailOut:
    """Suspend an agent. After inactivity the person waits 6 months to be an agent again."""
    wait = settings.reinstatement_wait_months
    found = await service.suspend(session, agent_id, body, by=officer, wait_months=wait)
    return _detail(found, officer)


@router.post(
    "/{agent_id}/reinstatement",
    responses=problems(*DECIDING, ReinstatementTooEarly, WadahNotActive),
)
async def reinstate_agent(
    agent_id: AgentId, body: NewReinstatement, session: Session, officer: Officer
) -> AgentDetailOut:
    """Reinstate a suspended agent."""
    return _detail(await service.reinstate(session, agent_id, body, by=officer), officer)


@router.post("/{agent_id}/dismissal", responses=problems(*DECIDING))
async def dismiss_agent(
    agent_id: AgentId, body: NewDismissal, session: Session, officer: Officer
) -> AgentDetailOut:
    """Dismiss an agent, for good. After fraud, crime or gratification they never return."""
    return _detail(await service.dismiss(session, agent_id, body, by=officer), officer)


@own.get("", responses=problems(AgentNotFound))
async def get_own_agent(session: ReadSession, principal: TheAgent) -> AgentOut:
    """Return your own record as an agent, with your whole name."""
    return _summary(await service.get_own(session, principal), principal)


@names.post("")
async def list_names(asked: AgentNameLookup, session: ReadSession, _: Service) -> AgentNamesOut:
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


def _summary(agent: Agent, reader: Principal) -> AgentOut:
    return AgentOut.model_validate(agent).model_copy(update=_name(agent, reader))


def _detail(found: Described, reader: Principal) -> AgentDetailOut:
    history = tuple(AgentChangeOut.model_validate(each) for each in found.history)
    planned = found.planned_move and PlannedMoveOut.model_validate(found.planned_move)
    more = {**_name(found.agent, reader), "history": history, "planned_wadah_move": planned}
    return AgentDetailOut.model_validate(found.agent).model_copy(update=more)


def _name(agent: Agent, reader: Principal) -> dict[str, str]:
    place = Place(
        agent_id=agent.id,
        account_id=agent.account_id,
        wadah_id=agent.wadah_id,
        branch_code=agent.branch_code,
        region_code=agent.region_code,
    )
    is_whole = may_name(reader, place)
    return {"full_name": agent.full_name if is_whole else mask_name(agent.full_name)}
