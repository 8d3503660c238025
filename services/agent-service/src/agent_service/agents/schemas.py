from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from agent_service.agents.rules import AgentStatus, DismissalReason, SuspensionReason
from perisai_kit.http.types import (
    AgentId,
    ApplicationId,
    BranchCode,
    DistinctIds,
    Instant,
    MemberId,
    Model,
    Out,
    ReasonText,
    RecordId,
    RegionCode,
    WadahId,
    with_example,
)
from perisai_kit.services.names.agents import MAX_NAMES


class NewSuspension(Model):
    model_config = with_example(
        reason_code="investigation", reason="A complaint is being looked into."
    )

    reason_code: Annotated[SuspensionReason, Field(description="Why, as a code.")]
    reason: ReasonText


class NewReinstatement(Model):
    model_config = with_example(reason="The complaint was unfounded.")

    reason: ReasonText


class NewDismissal(Model):
    model_config = with_example(reason_code="resignation", reason="Moves to another town.")

    reason_code: Annotated[DismissalReason, Field(description="Why, as a code.")]
    reason: ReasonText


class AgentNameLookup(Model):
    """The agents whose names another service needs."""

    model_config = with_example(agent_ids=["0190a000-0000-7000-8000-000000000001"])

    agent_ids: Annotated[
        DistinctIds,
        Field(min_length=1, max_length=MAX_NAMES, description="The agents, once each."),
    ]


class AgentNameOut(Out):
    """The name is whole: the service that asks shows it to those it belongs to only."""

    agent_id: AgentId
    agent_code: Annotated[
        str, Field(description="Short number of the agent, for forms and receipts.")
    ]
    full_name: Annotated[str, Field(description="Full name.")]


class AgentNamesOut(Out):
    """The names of the known agents among those asked."""

    items: Annotated[
        list[AgentNameOut], Field(description="By id; an agent who is missing is unknown.")
    ]


class AgentOut(Out):
    """The name is masked for those to whom it does not belong.

    The bank account is a resource of its own.
    """

    id: RecordId
    agent_code: Annotated[
        str, Field(description="Short number of the agent, for forms and receipts.")
    ]
    application_id: ApplicationId
    member_id: MemberId
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    full_name: Annotated[
        str,
        Field(
            description="Name: whole for the agent, the agent's wadah and the offices of the "
            "branch; masked for others."
        ),
    ]
    assignment_letter_number: Annotated[
        str, Field(description="Number of the wadah's Surat Tugas.")
    ]
    status: Annotated[AgentStatus, Field(description="Status of the agent.")]
    reason_code: Annotated[
        str | None, Field(description="Why the agent is suspended or dismissed.")
    ]
    in_office_since: Annotated[
        date, Field(description="First day as an agent, or since the reinstatement.")
    ]
    reinstatement_not_before: Annotated[
        date | None,
        Field(description="First day on which the person may be an agent again after inactivity."),
    ]
    activated_at: Annotated[Instant, Field(description="When the application was approved.")]


class AgentChangeOut(Out):
    from_status: Annotated[
        AgentStatus | None, Field(description="Status before; null for the first.")
    ]
    to_status: Annotated[AgentStatus, Field(description="Status after.")]
    reason_code: Annotated[str | None, Field(description="Why, as a code.")]
    reason: Annotated[str | None, Field(description="Why, in words.")]
    changed_at: Annotated[Instant, Field(description="When it was changed.")]
    changed_by: Annotated[UUID, Field(description="Account that changed it.")]


class PlannedMoveOut(Out):
    """A move to another wadah that is approved and has not begun."""

    id: RecordId
    wadah_id: Annotated[WadahId, Field(description="The new wadah.")]
    from_date: Annotated[date, Field(description="First day in the new wadah.")]


class AgentDetailOut(AgentOut):
    planned_wadah_move: Annotated[
        PlannedMoveOut | None,
        Field(description="The move to another wadah on a coming day; null: none is planned."),
    ] = None
    history: Annotated[
        tuple[AgentChangeOut, ...], Field(description="Every change of status, oldest first.")
    ] = ()


class AgentIdentityOut(Out):
    """Unmasked; reading it is recorded."""

    id: RecordId
    nik: Annotated[str, Field(description="NIK, 16 digits.")]
    full_name: Annotated[str, Field(description="Full name.")]
