from datetime import datetime
from typing import Annotated

from pydantic import Field

from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import BillId, MemberId, MonthText, Out, PaymentId


class ReceiptLineOut(Out):
    """All months of one programme together, in whole rupiah; amount is what was paid."""

    programme: Annotated[Programme, Field(description="The programme.")]
    full_amount: Annotated[int, Field(description="Rupiah before relief.")]
    relief_amount: Annotated[int, Field(description="Waived amount in rupiah.")]
    amount: Annotated[int, Field(description="What was paid, in rupiah.")]
    relief_basis: Annotated[list[str], Field(description="The laws that waive it.")]


class ReceiptOut(Out):
    """Proof that contributions were received."""

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
