from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from payment_service.allocations.schemas import AllocationOut
from perisai_kit.http.types import OrderId, Out, PartnerId, RecordId


class PaymentOut(Out):
    """A payment that a bank has reported. amount is whole rupiah."""

    id: RecordId
    partner_id: PartnerId
    partner_name: Annotated[str, Field(description="Name of the bank.")]
    payment_request_id: Annotated[str, Field(description="Id of the payment, made by the bank.")]
    order_id: OrderId
    amount: Annotated[int, Field(description="What was paid, in rupiah.")]
    trx_date_time: Annotated[
        datetime | None,
        Field(description="Time of the payment as the bank sent it; null: it sent none."),
    ]
    received_at: Annotated[datetime, Field(description="When the bank reported the payment.")]
    paid_at: Annotated[
        datetime,
        Field(
            description="When the payment counts: at the time of the bank if that can be, "
            "otherwise at the time of receipt."
        ),
    ]
    business_on: Annotated[date, Field(description="The Jakarta day of `paid_at`.")]
    channel_code: Annotated[
        str | None, Field(description="Where the customer paid, as the bank codes it.")
    ]
    reference_no: Annotated[str | None, Field(description="Reference of the bank.")]
    allocations: Annotated[
        list[AllocationOut],
        Field(
            description="What it was used for, as far as you may see it, in the order it happened; "
            "all together add up to the amount."
        ),
    ]
