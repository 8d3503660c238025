from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import (
    HoldKind,
    HoldProposalStatus,
    HoldProposalVerdict,
    HoldReason,
    HoldStatus,
    HoldVerdict,
)
from perisai_kit.http.types import (
    AccountId,
    BeneficiaryId,
    BranchCode,
    Model,
    MonthText,
    Out,
    RecordId,
    RegionCode,
    StatementId,
    WadahId,
    with_example,
)


class NewHoldProposal(Model):
    """What is proposed for all that a hold holds."""

    model_config = with_example(verdict="release")

    verdict: Annotated[
        HoldVerdict, Field(description="Release it, so that it may be paid, or forfeit it.")
    ]


class HoldDecision(Model):
    """What another person decides on a proposal."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[HoldProposalVerdict, Field(description="Approved or rejected.")]


class HeldStatementOut(Out):
    statement_id: StatementId
    month: Annotated[MonthText, Field(description="The month of the statement.")]
    amount: Annotated[int, Field(description="What is held of it, in rupiah.")]
    deducted: Annotated[
        int, Field(description="Rupiah of it that make up for debts, until it is released.")
    ]
    held_at: Annotated[datetime, Field(description="Since when it is held.")]


class IncentiveHoldOut(Out):
    """Stated incentives that are not paid until two people decide. Amounts are whole rupiah."""

    id: RecordId
    kind: Annotated[
        HoldKind,
        Field(description="After a dismissal for cause, or because a wadah may not be paid."),
    ]
    reason: Annotated[HoldReason, Field(description="Why it is held.")]
    status: Annotated[HoldStatus, Field(description="Open, or what was decided.")]
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    amount: Annotated[int, Field(description="All that it holds, in rupiah.")]
    statements: Annotated[
        list[HeldStatementOut], Field(description="What it holds, the earliest month first.")
    ]
    dismissed_at: Annotated[
        datetime | None, Field(description="When the agent was dismissed; null for a wadah.")
    ]
    opened_at: Annotated[datetime, Field(description="When it began.")]
    decided_at: Annotated[datetime | None, Field(description="When it was released or forfeited.")]
    open_proposal_id: Annotated[
        UUID | None, Field(description="The proposal that waits for a decision.")
    ]


class HoldProposalOut(Out):
    """A proposal for a hold, and what another person decided on it."""

    id: RecordId
    hold_id: Annotated[UUID, Field(description="Id of the hold.")]
    verdict: Annotated[HoldVerdict, Field(description="What is proposed.")]
    amount: Annotated[int, Field(description="What was held when it was proposed, in rupiah.")]
    status: Annotated[HoldProposalStatus, Field(description="Whether it is decided.")]
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: Annotated[AccountId | None, Field(description="Who decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]


class HoldProposalsOut(Out):
    items: Annotated[list[HoldProposalOut], Field(description="The oldest first.")]
