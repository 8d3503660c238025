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
    """A payment that we refused. Amounts are whole rupiah."""

    id: RecordId
    received_at: Annotated[datetime, Field(description="When the bank offered it.")]
    business_on: Annotated[date, Field(description="The Jakarta day of `received_at`.")]
    partner_id: PartnerId
    partner_name: Annotated[str, Field(description="Name of the bank.")]
    payment_request_id: Annotated[
        str | None, Field(description="Id of the payment, made by the bank.")
    ]
    partner_service_id: Annotated[
        str | None,
        Field(
            description="`partnerServiceId` as the bank sent it; null: nothing that can be shown."
        ),
    ]
    customer_no: Annotated[str | None, Field(description="`customerNo` as sent; null as above.")]
    virtual_account_no: Annotated[
        str | None, Field(description="`virtualAccountNo` as sent; null as above.")
    ]
    response_code: Annotated[
        str, Field(description="What the bank was answered, such as 4042513: docs/banks.md.")
    ]
    offered_amount: Annotated[
        int | None,
        Field(description="What the bank offered, in rupiah; null: it could not be read."),
    ]
    expected_amount: Annotated[
        int | None, Field(description="What the order asks for, in rupiah; null: no such order.")
    ]
    order_id: Annotated[OrderId | None, Field(description="The order; null: we have no such one.")]
    bills: Annotated[list[RefusedBillOut], Field(description="The bills of the order.")]
    is_held: Annotated[
        bool,
        Field(description="Whether it is money that this bank does not give back, and so ours."),
    ]
    status: Annotated[
        RefusedStatus,
        Field(
            description="With `is_held`, open until a later payment has the same request id or "
            "pays the order. Otherwise open while a bill of the order waits for money or ended "
            "without, and its member has no later bill."
        ),
    ]
