from datetime import datetime
from typing import Annotated

from pydantic import Field

from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import BillId, MemberId, MonthText, Out, PaymentId, with_example


class ReceiptLineOut(Out):
    """All months of one programme together, in whole rupiah; amount is what was paid."""

    programme: Annotated[Programme, Field(description="The programme.")]
    full_amount: Annotated[int, Field(description="Rupiah before relief.")]
    relief_amount: Annotated[int, Field(description="Waived amount in rupiah.")]
    amount: Annotated[int, Field(description="What was paid, in rupiah.")]
    relief_basis: Annotated[list[str], Field(description="The laws that waive it.")]


class ReceiptOut(Out):
    """Proof that contributions were received."""

    model_config = with_example(
        payment_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7d21",
        bill_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7b21",
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
        member_name="Siti Aminah",
        sector="other",
        payer="self",
        months=["2026-11"],
        programmes=[
            {
                "programme": "jkk",
                "full_amount": 10_000,
                "relief_amount": 5_000,
                "amount": 5_000,
                "relief_basis": ["PP 50/2025"],
            },
            {
                "programme": "jkm",
                "full_amount": 6_800,
                "relief_amount": 3_400,
                "amount": 3_400,
                "relief_basis": ["PP 50/2025"],
            },
            {
                "programme": "jht",
                "full_amount": 20_000,
                "relief_amount": 0,
                "amount": 20_000,
                "relief_basis": [],
            },
        ],
        amount=28_400,
        partner_name="Bank Uji",
        channel_code="6017",
        reference_no="00001136962",
        payment_request_id="202611030120000001",
        paid_at="2026-11-03T01:20:00Z",
        received_at="2026-11-03T01:20:02Z",
    )

    payment_id: PaymentId
    bill_id: BillId
    member_id: MemberId
    member_name: Annotated[
        str,
        Field(
            description="The name on the bill: whole to the member, the member's agent and the "
            "branch, masked to others."
        ),
    ]
    sector: Annotated[Sector, Field(description="Of the main occupation when the bill was issued.")]
    payer: Annotated[Payer, Field(description="Who pays; decides relief.")]
    months: Annotated[list[MonthText], Field(description="The contribution months, in order.")]
    programmes: Annotated[
        list[ReceiptLineOut], Field(description="What was paid for each programme.")
    ]
    amount: Annotated[int, Field(description="What was paid, in rupiah.")]
    partner_name: Annotated[str, Field(description="Name of the bank.")]
    channel_code: Annotated[
        str | None, Field(description="Where the customer paid, as the bank codes it.")
    ]
    reference_no: Annotated[str | None, Field(description="Reference of the bank.")]
    payment_request_id: Annotated[str, Field(description="Id of the payment, made by the bank.")]
    paid_at: Annotated[datetime, Field(description="When the payment counts.")]
    received_at: Annotated[datetime, Field(description="When the bank reported the payment.")]
