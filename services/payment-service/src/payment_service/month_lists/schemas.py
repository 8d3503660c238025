from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from payment_service.month_lists.rules import DueStatus
from payment_service.months.schemas import CommissionMonthOut


class ListedMonthOut(CommissionMonthOut):
    """A month of commissions with when it is due, and of a closed one what is unpaid."""

    payout_due_on: Annotated[
        date, Field(description="The last day on which its incentives are paid in time.")
    ]
    payout_status: Annotated[
        DueStatus | None,
        Field(
            description="Whether what is unpaid is late, or soon will be, also of a month that"
            " should have been closed; null: not known."
        ),
    ]
    unpaid_count: Annotated[
        int | None, Field(description="Statements that may be paid and are not; null: not known.")
    ]
    unpaid_amount: Annotated[int | None, Field(description="What they owe, in rupiah.")]
    unpaid_as_of: Annotated[
        datetime | None, Field(description="When that was measured; it is once an hour.")
    ]
