from typing import Annotated

from pydantic import ConfigDict, Field

from payment_service.answers.rules import AllocationCoverage
from payment_service.bills.schemas import BillOut
from payment_service.own_bills.rules import NextStep


class OwnBillOut(BillOut):
    """A bill of your own. Amounts in whole rupiah; the name is whole."""

    model_config = ConfigDict(json_schema_extra={})  # the example of a bill lacks `next_step`

    display_name: Annotated[str, Field(description="Your name on the bill.")]
    coverage: Annotated[
        AllocationCoverage | None,
        Field(
            description="What became of the money for you: `waiting` for an answer, `extended`, "
            "`withdrawn` where months do not count any more, such as after the end of the "
            "registration, or `declined`. null: it is not paid."
        ),
    ]
    next_step: Annotated[
        NextStep,
        Field(
            description="`pay`: at any of `virtual_accounts`, before `expires_at`. `nothing`: it "
            "is paid. `use_newer`: pay the bill `replaced_by`. `ask_anew`: it takes no money any "
            "more, or what was paid pays no month (`coverage`); a quote says what can be billed "
            "now."
        ),
    ]
