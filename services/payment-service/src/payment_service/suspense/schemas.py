from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.allocations.rules import AllocationReason
from payment_service.suspense.rules import ProposalStatus, ProposalVerdict
from perisai_kit.http.types import (
    AccountId,
    BillId,
    MemberId,
    Model,
    OrderId,
    Out,
    PartnerId,
    PaymentId,
    RecordId,
    with_example,
)


class NewSuspenseProposal(Model):
    """A proposal to use money in suspense for a bill."""

    model_config = with_example(bill_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21")

    bill_id: BillId


class SuspenseDecision(Model):
    """What another person decides on a proposal."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[ProposalVerdict, Field(description="Approved or rejected.")]


class SuspenseItemOut(Out):
    """Money received whose use is not decided. amount is whole rupiah."""

    id: RecordId
    payment_id: PaymentId
    partner_id: PartnerId
    order_id: OrderId
    amount: Annotated[int, Field(description="What is left of it, in rupiah.")]
    reason: Annotated[AllocationReason, Field(description="Why it is in suspense.")]
    bill_id: Annotated[BillId | None, Field(description="The bill it was paid for, if known.")]
    member_id: Annotated[MemberId | None, Field(description="The member of that bill.")]
    paid_at: Annotated[datetime, Field(description="When the customer paid.")]
    since: Annotated[datetime, Field(description="Since when it is in suspense.")]
    age_days: Annotated[int, Field(description="Days since then, in Jakarta.")]
    owner_id: Annotated[
        AccountId | None, Field(description="The account that answers for it; null: nobody yet.")
    ]
    owned_since: Annotated[datetime | None, Field(description="Since when it does.")]
    open_proposal_id: Annotated[
        UUID | None, Field(description="The proposal that waits for a decision.")
    ]


class SuspenseProposalOut(Out):
    """A proposal to use money in suspense for a bill, with both instants it could count from."""

    id: RecordId
    item_id: Annotated[UUID, Field(description="Id of the money in suspense.")]
    bill_id: BillId
    amount: Annotated[int, Field(description="What the bill takes of it, in rupiah.")]
    status: Annotated[ProposalStatus, Field(description="Whether it is decided.")]
    paid_at: Annotated[datetime, Field(description="When the customer paid.")]
    decision_day: Annotated[
        datetime,
        Field(description="00:00 in Jakarta of the day of the decision; while open: of today."),
    ]
    counts_at: Annotated[
        datetime,
        Field(
            description="Which of both decides cover, month and earner: when it was paid, if the "
            "bill was open and payable then."
        ),
    ]
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: Annotated[AccountId | None, Field(description="Who decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]
    allocation_id: Annotated[
        UUID | None, Field(description="The allocation that an approval has made.")
    ]


class SuspenseProposalsOut(Out):
    items: Annotated[list[SuspenseProposalOut], Field(description="The oldest first.")]
