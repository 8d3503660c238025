from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.attribution_periods.rules import AttributionReason
from member_service.attributions.schemas import FromDate, NewReason
from perisai_kit.http.types import AgentId, Count, MemberId, Model, Out, RecordId, with_example


class HandoverPlan(Model):
    """The members of an agent to hand over, with target and day."""

    model_config = with_example(
        from_agent_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a20",
        to_agent_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
        from_date="2027-01-01",
        reason="agent_left",
    )

    from_agent_id: Annotated[AgentId, Field(description="The former agent, at work or not.")]
    to_agent_id: Annotated[
        AgentId | None, Field(description="The successor; null: the branch of each member.")
    ]
    from_date: FromDate = None
    reason: NewReason
    member_ids: Annotated[
        list[MemberId] | None,
        Field(
            min_length=1,
            max_length=1000,
            description="Only these members of the agent; null: all that you may hand over.",
        ),
    ] = None


class NewHandover(HandoverPlan):
    id: Annotated[UUID | None, Field(description="A UUID that the client makes.")] = None


class HandoverPreview(Out):
    """What a hand-over would do. Nothing is written."""

    from_date: Annotated[date, Field(description="First day of the new attribution.")]
    at_once: Annotated[bool, Field(description="Whether the former agent sees nothing more.")]
    member_count: Annotated[Count, Field(description="Members who would be handed over.")]
    skipped: Annotated[
        Mapping[str, int], Field(description="Members who would stay, by the code of the reason.")
    ]


class HandoverOut(Out):
    """A hand-over of a book."""

    id: RecordId
    from_agent_id: Annotated[AgentId, Field(description="The former agent.")]
    to_agent_id: Annotated[AgentId | None, Field(description="The successor; null: the branch.")]
    from_date: Annotated[date, Field(description="First day of the new attribution.")]
    at_once: Annotated[bool, Field(description="Whether the former agent saw nothing more.")]
    reason: Annotated[AttributionReason, Field(description="Why it was decided.")]
    member_count: Annotated[Count, Field(description="Members who were handed over.")]
    skipped: Annotated[
        Mapping[str, int], Field(description="Members who stayed, by the code of the reason.")
    ]
    made_by: Annotated[UUID, Field(description="Account that decided it.")]
    made_at: Annotated[datetime, Field(description="When it was decided.")]
    withdrawn_at: Annotated[
        datetime | None, Field(description="When it was withdrawn; null: it counts.")
    ]
