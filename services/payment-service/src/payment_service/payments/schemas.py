from datetime import datetime
from typing import Annotated

from pydantic import Field

from payment_service.answers.rules import PaymentCoverage
from perisai_kit.http.types import (
    BillId,
    MemberId,
    MonthText,
    Out,
    PartnerId,
    RecordId,
)


class PaymentOut(Out):
    """A payment that a bank has reported. amount is whole rupiah."""

    id: RecordId
    partner_id: PartnerId
    payment_request_id: Annotated[str, Field(description="Id of the payment, made by the bank.")]
    bill_id: BillId
    member_id: MemberId
    first_month: Annotated[
        MonthText, Field(description="The first paid month; the receipt names them all.")
    ]
    month_count: Annotated[int, Field(description="How many contribution months it pays.")]
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
    channel_code: Annotated[
        str | None, Field(description="Where the customer paid, as the bank codes it.")
    ]
    reference_no: Annotated[str | None, Field(description="Reference of the bank.")]
    coverage: Annotated[
        PaymentCoverage,
        Field(
            description="What became of it for the member: still waiting; its months are paid; "
            "some of them do not count any more; or its money cannot count at all."
        ),
    ]
    reason_code: Annotated[str | None, Field(description="Why it was declined.")]
