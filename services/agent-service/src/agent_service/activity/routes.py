from typing import Annotated

from fastapi import APIRouter, Query

from agent_service.activity import service
from agent_service.activity.schemas import ActivityMonthOut, ActivityOut, ActivityVerdictOut
from agent_service.agents.rules import AgentNotFound
from agent_service.dependencies import Configured, SignedIn
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.problems import problems
from perisai_kit.http.types import AgentId
from perisai_kit.http.visibility import ReadRoute

reading = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=ReadRoute)


@reading.get("/{agent_id}/activity", responses=problems(AgentNotFound))
async def get_activity(
    agent_id: AgentId,
    session: ReplicaSession,
    principal: SignedIn,
    settings: Configured,
    months: Annotated[int, Query(ge=1, le=36, description="How many months back.")] = 12,
) -> ActivityOut:
    """Return an agent's new members and payments by month, and whether the agent is inactive."""
    found = await service.report(
        session, agent_id, principal=principal, months=months, settings=settings
    )
    verdict = found.verdict
    return ActivityOut(
        agent_id=found.agent_id,
        in_office_since=found.in_office_since,
        months=tuple(
            ActivityMonthOut(
                month=month, new_members=each.acquisitions, contributions=each.contributions
            )
            for month, each in found.counts
        ),
        verdict=ActivityVerdictOut(
            window=verdict.window,
            lacking=found.policy.lacking,
            complete=verdict.complete,
            no_acquisition=verdict.no_acquisition,
            no_contribution=verdict.no_contribution,
            inactive=verdict.inactive,
        ),
    )
