from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from payment_service.bills.rules import BillStatus
from payment_service.refused_payments.rules import RefusedStatus
from perisai_kit.http.types import BillId, MemberId, OrderId, Out, PartnerId, RecordId


class RefusedBillOut(Out):
    """A bill of the order that the payment was for."""

    id: BillId
    member_id: MemberId
    member_name: Annotated[
        str, Field(description="The name on the bill: whole to the branch, masked to others.")
    ]
    status: Annotated[BillStatus, Field(description="The status of the bill now.")]


class RefusedPaymentOut(Out):
    """A payment that we refused and the bank gives back. Amounts are whole rupiah."""

    id: RecordId
    received_at: Annotated[datetime, Field(description="When the bank offered it.")]
    business_on: Annotated[date, Field(description="The Jakarta day of `received_at`.")]
    partner_id: PartnerId
    partner_name: Annotated[str, Field(description="Name of the bank.")]
    payment_request_id: Annotated[
        str | None, Field(description="Id of the payment, made by the bank.")
    ]
    response_code: Annotated[
        str, Field(description="What the bank was answered, such as 4042513: docs/banks.md.")
    ]
    offered_amount: Annotated[
        int | None,
        Field(description="What the bank offered, in rupiah; null: from before this was kept."),
    ]
    expected_amount: Annotated[
        int | None, Field(description="What the order asks for, in rupiah; null: no such order.")
    ]
    order_id: Annotated[OrderId | None, Field(description="The order; null: we have no such one.")]
    bills: Annotated[list[RefusedBillOut], Field(description="The bills of the order.")]
    status: Annotated[
        RefusedStatus,
        Field(
            description="Open while a bill of the order waits for money or ended without, and its "
            "member has no later bill; otherwise solved."
        ),
    ]
