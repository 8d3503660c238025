from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.disputes.rules import DisputeOutcome, DisputeStatus
from perisai_kit.http.types import (
    AccountId,
    BeneficiaryId,
    BranchCode,
    LongText,
    MemberId,
    Model,
    MonthText,
    Out,
    PaymentId,
    RecordId,
    RegionCode,
    WadahId,
    with_example,
)


class NewDispute(Model):
    """What is disputed: a commission line with its month, or a payment that earned nothing."""

    model_config = with_example(
        line_id=4711, earned_month="2026-11", reason="The member was mine on that day."
    )

    line_id: Annotated[
        int | None,
        Field(ge=1, le=2**53, strict=True, description="Number of the disputed line."),
    ] = None
    earned_month: Annotated[
        MonthText | None, Field(description="The `earned_month` of that line.")
    ] = None
    payment_id: Annotated[
        UUID | None, Field(description="The payment of one of your members that has no line.")
    ] = None
    reason: Annotated[LongText, Field(description="What is wrong, in your own words.")]


class DisputeAnswer(Model):
    """What an officer answers."""

    model_config = with_example(
        outcome="corrected", answer="The hand-over was entered a day late; it is corrected."
    )

    outcome: Annotated[
        DisputeOutcome, Field(description="What is booked stands, or something was corrected.")
    ]
    answer: Annotated[LongText, Field(description="Why it stands, or what was corrected.")]


class DisputeOut(Out):
    id: RecordId
    beneficiary_id: BeneficiaryId
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    member_id: MemberId
    payment_id: PaymentId
    line_id: Annotated[
        int | None, Field(description="The disputed line; null: the payment has none.")
    ]
    earned_month: Annotated[MonthText | None, Field(description="The month of that line.")]
    status: Annotated[DisputeStatus, Field(description="Open, or what became of it.")]
    overdue: Annotated[bool, Field(description="Whether it waits longer than promised.")]
    opened_by: AccountId
    opened_at: Annotated[datetime, Field(description="When it was opened.")]
    due_at: Annotated[datetime, Field(description="By when it is to be answered.")]
    closed_by: Annotated[AccountId | None, Field(description="Who answered or withdrew it.")]
    closed_at: Annotated[datetime | None, Field(description="When it was answered or withdrawn.")]


class DisputeDetailOut(DisputeOut):
    reason: Annotated[str, Field(description="What the agent or wadah wrote.")]
    answer: Annotated[str | None, Field(description="What the officer answered.")]
