from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.months.rules import MonthStatus
from payment_service.schemes.rules import PARTS
from payment_service.verifications.rules import Verified
from perisai_kit.http.types import MonthText, Out

PARTS_OF_A_RUPIAH = f"Exact: an integer of 1/{PARTS:,} rupiah."


class CommissionMonthOut(Out):
    """All lines of a month together; a month that is open may still grow."""

    month: Annotated[MonthText, Field(description="The month.")]
    status: Annotated[MonthStatus, Field(description="Open, being closed, or closed.")]
    line_count: Annotated[int, Field(description="How many commission lines are booked in it.")]
    agent_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    wadah_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    waiting_payments: int = Field(
        description="Payments whose commission is not computed yet and will be in this month."
    )
    waiting_contributions: int = Field(description="What those payments paid, in rupiah.")
    statement_count: Annotated[int | None, Field(description="Statements of a closed month.")]
    amount: int | None = Field(description="Whole rupiah on all statements of a closed month.")
    closed_at: Annotated[datetime | None, Field(description="When it was closed.")]
    closed_by: Annotated[
        UUID | None, Field(description="Account of the second person, who confirmed the closing.")
    ]
    verified: Annotated[
        Verified | None,
        Field(
            description="What the verification of a closed month says: none yet or not a whole "
            "one, it agrees, or it differs."
        ),
    ]
