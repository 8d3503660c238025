from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from payment_service.allocations.schemas import AllocationOut
from perisai_kit.http.types import OrderId, Out, PartnerId, RecordId, with_example


class PaymentOut(Out):
    """A payment that a bank has reported. amount is whole rupiah."""

    model_config = with_example(
        id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7d21",
        partner_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7e01",
        partner_name="Bank Uji",
        payment_request_id="202611030120000001",
        order_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7c21",
        amount=28_400,
        trx_date_time="2026-11-03T01:20:00Z",
        received_at="2026-11-03T01:20:02Z",
        paid_at="2026-11-03T01:20:00Z",
        business_on="2026-11-03",
        channel_code="6017",
        reference_no="00001136962",
        allocations=[
            {
                "id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7d22",
                "kind": "bill",
                "bill_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7b21",
                "member_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
                "amount": 28_400,
                "counts_at": "2026-11-03T01:20:00Z",
                "reason": None,
                "reverses": None,
                "member_name": "Siti Aminah",
                "agent_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a01",
                "agent_name": "Dewi Lestari",
                "coverage": "extended",
                "reason_code": None,
            }
        ],
    )

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
