from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.attribution_periods.rules import AttributionReason
from perisai_kit.http.types import (
    AgentId,
    BranchCode,
    Day,
    MemberId,
    Model,
    Out,
    RecordId,
    RegionCode,
    WadahId,
    with_example,
)

FromDate = Annotated[
    Day | None,
    Field(
        description="First of a coming month, for a planned hand-over. Null: at once. The former "
        "agent sees the member no more, and the attribution begins at 00:00 in Jakarta."
    ),
]
NewReason = Annotated[AttributionReason, Field(description="Why the member is handed over.")]


class NewAttribution(Model):
    """A hand-over of one member."""

    model_config = with_example(
        agent_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
        from_date="2027-01-01",
        reason="member_asked",
    )

    id: Annotated[UUID | None, Field(description="A UUID that the client makes.")] = None
    agent_id: Annotated[UUID | None, Field(description="Null: the member goes to the branch.")]
    from_date: FromDate = None
    reason: NewReason


class AttributionOut(Out):
    """A decision on the agent or branch of a member, from 00:00 in Jakarta on the first day."""

    id: RecordId
    member_id: Annotated[MemberId, Field(description="The member.")]
    agent_id: Annotated[AgentId | None, Field(description="The agent; null: the branch.")]
    wadah_id: Annotated[WadahId | None, Field(description="The agent's wadah.")]
    branch_code: BranchCode
    region_code: RegionCode
    from_date: Annotated[date, Field(description="First day of the attribution.")]
    at_once: Annotated[
        bool, Field(description="A take-over: the former agent sees the member no more.")
    ]
    reason: Annotated[AttributionReason, Field(description="Why it was decided.")]
    handover_id: Annotated[
        UUID | None, Field(description="The hand-over of a book that it belongs to.")
    ]
    made_by: Annotated[UUID, Field(description="Account that decided it.")]
    made_at: Annotated[datetime, Field(description="When it was decided.")]
    withdrawn_at: Annotated[
        datetime | None, Field(description="When it was withdrawn; null: it counts.")
    ]


class AttributionPeriodOut(Out):
    """The agent or branch of a member in a period."""

    from_date: Annotated[date, Field(description="First day of the period.")]
    until_date: Annotated[
        date | None, Field(description="First day after the period; null: no end is known.")
    ]
    agent_id: Annotated[AgentId | None, Field(description="The agent; null: the branch.")]
    wadah_id: Annotated[WadahId | None, Field(description="The agent's wadah.")]
    branch_code: BranchCode
    region_code: RegionCode
    reason: Annotated[AttributionReason, Field(description="Why it is so.")]
    attribution_id: Annotated[UUID, Field(description="The decision in force.")]


class AttributionsOut(Out):
    """Decisions and what follows from them."""

    items: Annotated[
        list[AttributionOut], Field(description="The newest first, withdrawn ones too.")
    ]
    periods: Annotated[
        list[AttributionPeriodOut],
        Field(description="Agent or branch of the member by day, the earliest period first."),
    ]


class AttributedAgentOut(Out):
    """The agent whom a member can ask for help."""

    agent_id: AgentId
    full_name: Annotated[str, Field(description="The agent's name.")]
    phone: Annotated[str, Field(description="The agent's telephone number.")]


class OwnAttributionOut(Out):
    """Your agent today, or the branch."""

    member_id: MemberId
    agent: Annotated[
        AttributedAgentOut | None,
        Field(description="Your agent; null while you have none, and the branch serves you."),
    ]
    branch_code: BranchCode
    from_date: Annotated[date, Field(description="First day of the attribution.")]
