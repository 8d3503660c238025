from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from agent_service.agent_wadahs.rules import WadahMoveStatus
from agent_service.wadah_moves.rules import WadahMoveVerdict
from perisai_kit.http.types import (
    AccountId,
    AgentId,
    Day,
    Instant,
    Model,
    Out,
    ReasonText,
    RecordId,
    WadahId,
    with_example,
)

FromDate = Annotated[date, Field(description="First day in the new wadah.")]


class NewWadahMove(Model):
    """A proposal: the agent belongs to another wadah of the branch from a day on."""

    model_config = with_example(
        wadah_id="0190a000-0000-7000-8000-000000000002",
        from_date="2027-01-01",
        reason="Lives nearer to this wadah.",
    )

    wadah_id: Annotated[WadahId, Field(description="The new wadah.")]
    from_date: Annotated[
        Day, Field(description="First day in the new wadah: the first of a coming month.")
    ]
    reason: ReasonText


class WadahMoveDecision(Model):
    """What another officer decides on a proposed move."""

    model_config = with_example(verdict="approved", reason="Both wadahs agree.")

    verdict: Annotated[WadahMoveVerdict, Field(description="Approved or rejected.")]
    reason: ReasonText


class WadahMoveWithdrawal(Model):
    model_config = with_example(reason="The agent stays.")

    reason: ReasonText


class WadahMoveOut(Out):
    """A move of an agent to another wadah."""

    id: RecordId
    agent_id: AgentId
    from_wadah_id: Annotated[WadahId, Field(description="The wadah before.")]
    wadah_id: Annotated[WadahId, Field(description="The new wadah.")]
    from_date: FromDate
    status: Annotated[
        WadahMoveStatus,
        Field(
            description="Proposed, rejected, approved, withdrawn by a person, or cancelled for the "
            "reason in reason_code."
        ),
    ]
    has_begun: Annotated[
        bool, Field(description="Whether it is approved and its first day has come.")
    ] = False
    reason_code: Annotated[
        str | None,
        Field(
            description="Why it was cancelled: agent_suspended, agent_dismissed or "
            "wadah_terminated."
        ),
    ]
    proposed_by: AccountId
    proposed_at: Annotated[Instant, Field(description="When it was proposed.")]
    decided_by: Annotated[UUID | None, Field(description="Account of the officer who decided.")]
    decided_at: Annotated[Instant | None, Field(description="When it was decided.")]


class WadahMoveChangeOut(Out):
    from_status: Annotated[
        WadahMoveStatus | None, Field(description="Status before; null for the first.")
    ]
    to_status: Annotated[WadahMoveStatus, Field(description="Status after.")]
    reason_code: Annotated[str | None, Field(description="Why, as a code.")]
    reason: Annotated[str | None, Field(description="Why, in words.")]
    changed_at: Annotated[Instant, Field(description="When it was changed.")]
    changed_by: Annotated[UUID, Field(description="Account that changed it.")]


class WadahMoveDetailOut(WadahMoveOut):
    history: Annotated[
        tuple[WadahMoveChangeOut, ...],
        Field(description="Every change of status, the latest first."),
    ] = ()
