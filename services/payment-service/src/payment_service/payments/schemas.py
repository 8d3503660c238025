from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from payment_service.allocations.schemas import AllocationOut
from payment_service.answers.rules import AllocationCoverage
from perisai_kit.http.types import OrderId, Out, PartnerId, RecordId


class PaymentOut(Out):
    """A payment that a bank has reported. amount is whole rupiah."""

    id: RecordId
    partner_id: PartnerId
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

    @classmethod
    def of(
        cls,
        stored: Mapping[str, Any],
        allocations: Iterable[tuple[object, AllocationCoverage | None, str | None]],
    ) -> Self:
        """Return a payment from its columns and its allocations, each with what became of it."""
        shown = [
            AllocationOut.of(allocation, coverage=coverage, reason_code=reason_code)
            for allocation, coverage, reason_code in allocations
        ]
        return cls(**stored, allocations=shown)
