from typing import Annotated

from pydantic import Field

from payment_service.collections.schemas import SumOut
from perisai_kit.http.types import Instant, Out


class PaymentsOverviewOut(Out):
    """The figures of the bills and payments that you may see."""

    as_of: Annotated[Instant, Field(description="When this was added up.")]
    open_bills: Annotated[SumOut, Field(description="Bills that can be paid.")]
    ended_bills: Annotated[
        SumOut, Field(description="Bills that ended without a payment in the last seven days.")
    ]
    collected_today: Annotated[
        SumOut,
        Field(
            description="Payments of this business day. With the whole country: all money "
            "received, as in the ledger; otherwise what was used for bills of your members."
        ),
    ]
    collected_this_month: Annotated[
        SumOut, Field(description="The same since the first day of the month.")
    ]
    refused_open: Annotated[
        int | None,
        Field(
            description="Refused payments of the last 31 days that are open; null without the "
            "books of the whole country."
        ),
    ]
    suspense: Annotated[
        SumOut | None,
        Field(description="Money in suspense; null without the books of the whole country."),
    ]
