from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.bonus_reviews.rules import (
    BonusReviewStatus,
    BonusReviewStep,
    RefusalVerdict,
)
from perisai_kit.http.types import (
    AccountId,
    AgentId,
    AllocationId,
    BranchCode,
    MemberId,
    Model,
    MonthText,
    Out,
    RecordId,
    RegionCode,
    WadahId,
    with_example,
)


class NewBonusReview(Model):
    """Which agent's month an officer wants to review."""

    model_config = with_example(agent_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21", month="2026-11")

    agent_id: AgentId
    month: Annotated[MonthText, Field(description="The month in which the acquisitions count.")]


class RefusalDecision(Model):
    """What another person decides on a proposed refusal."""

    model_config = with_example(verdict="confirmed")

    verdict: Annotated[RefusalVerdict, Field(description="Confirmed or rejected.")]


class BonusReviewRecordOut(Out):
    step: Annotated[BonusReviewStep, Field(description="What happened.")]
    taken_by: Annotated[
        AccountId | None, Field(description="Who took the step; null: the review opened by itself.")
    ]
    taken_at: Annotated[datetime, Field(description="When.")]


class FlaggedAcquisitionOut(Out):
    allocation_id: AllocationId
    member_id: MemberId
    flag: Annotated[str, Field(description="What is striking about the acquisition.")]
    counts_at: Annotated[datetime, Field(description="From when the payment counts.")]


class BonusReviewOut(Out):
    """The acquisition bonus of an agent's month, held until it is released, or refused."""

    id: RecordId
    agent_id: AgentId
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    month: Annotated[MonthText, Field(description="The month in which the acquisitions count.")]
    status: Annotated[BonusReviewStatus, Field(description="What became of the review.")]
    flagged_count: Annotated[int, Field(description="How many acquisitions are flagged.")]
    opened_at: Annotated[datetime, Field(description="When the review was opened.")]
    refusal_proposed_by: Annotated[
        UUID | None, Field(description="The account that proposed last to refuse the bonus.")
    ]
    steps: Annotated[list[BonusReviewRecordOut], Field(description="The oldest first.")]


class BonusReviewDetailOut(BonusReviewOut):
    flags: Annotated[
        list[FlaggedAcquisitionOut],
        Field(description="Flags on acquisitions of the month, 500 at most."),
    ]
