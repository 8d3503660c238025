from typing import Annotated

from pydantic import Field

from agent_service.agents.rules import AgentStatus
from agent_service.applications.rules import ApplicationStatus
from perisai_kit.http.types import Instant, Out


class AgentsOverviewOut(Out):
    """The figures of the agents and applications that you may see."""

    as_of: Annotated[Instant, Field(description="When this was counted.")]
    agents: Annotated[dict[AgentStatus, int], Field(description="Agents by status, each status.")]
    waiting_applications: Annotated[
        dict[ApplicationStatus, int],
        Field(description="Applications that are not decided, by status; none: left out."),
    ]
    idle_agents: Annotated[
        int,
        Field(
            description="Active agents, in office since before this month, without a new member "
            "and without a payment in it."
        ),
    ]
    inactive_agents: Annotated[
        int, Field(description="Active agents who count as inactive by the last full months.")
    ]
    nearly_inactive_agents: Annotated[
        int,
        Field(
            description="Others who will count as inactive on the first of next month, if this "
            "month goes on as it is."
        ),
    ]
