from datetime import date
from typing import Annotated

from pydantic import Field

from agent_service.activity.rules import LackingActivity
from perisai_kit.http.types import AgentId, MonthText, Out


class ActivityMonthOut(Out):
    """New members acquired, and payments of members received, in one month.

    By the latest answers of member-service. What pays nothing any more does not count.
    """

    month: Annotated[MonthText, Field(description="The month.")]
    new_members: Annotated[
        int,
        Field(
            description=(
                "New members whose first payment counts in the month, on a day the agent was at "
                "work."
            )
        ),
    ]
    contributions: Annotated[
        int,
        Field(
            description=(
                "Payments that count in the month, for members who had this agent then. A payment "
                "for several members counts once for each."
            )
        ),
    ]


class ActivityVerdictOut(Out):
    """Whether the agent counts as inactive. `lacking`: what must be missing in the window.

    `complete`: the agent was in office during the whole window. Otherwise `inactive` is false.
    """

    window: Annotated[tuple[MonthText, ...], Field(description="The months that are judged.")]
    lacking: Annotated[
        LackingActivity, Field(description="What must be missing for an agent to be inactive.")
    ]
    complete: Annotated[
        bool, Field(description="Whether the agent was in office during the whole window.")
    ]
    no_acquisition: Annotated[
        bool, Field(description="Whether there is no new member in the window.")
    ]
    no_contribution: Annotated[
        bool, Field(description="Whether there is no payment in the window.")
    ]
    inactive: Annotated[bool, Field(description="Whether the agent counts as inactive.")]


class ActivityOut(Out):
    agent_id: AgentId
    in_office_since: Annotated[
        date, Field(description="First day as an agent, or since the reinstatement.")
    ]
    months: Annotated[tuple[ActivityMonthOut, ...], Field(description="The months, latest last.")]
    verdict: Annotated[ActivityVerdictOut, Field(description="What the months say.")]
