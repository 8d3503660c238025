from datetime import date
from typing import Annotated

from pydantic import Field

from perisai_kit.http.types import Count, Instant, Out


class MembersOverviewOut(Out):
    """How many members you may see, by what is to be done for them today."""

    on: Annotated[date, Field(description="The day, in Jakarta.")]
    as_of: Annotated[Instant, Field(description="When the members were counted.")]
    total: Annotated[Count, Field(description="All members you may see.")]
    registered_unpaid: Annotated[Count, Field(description="Enrolled, and nothing was ever paid.")]
    active: Annotated[Count, Field(description="Open registrations without an unpaid due month.")]
    grace: Annotated[Count, Field(description="Open registrations with an unpaid due month.")]
    lapsed: Annotated[Count, Field(description="The last registration ended for want of payment.")]
    ended: Annotated[Count, Field(description="The last registration ended for another reason.")]
    due_in_7_days: Annotated[
        Count,
        Field(
            description="Open registrations whose first unpaid month falls due today or in the "
            "six days after."
        ),
    ]
    lapsing_in_14_days: Annotated[
        Count,
        Field(description="Open registrations that lapse within 14 days if nothing is paid."),
    ]
    lapsing_in_30_days: Annotated[
        Count,
        Field(description="Open registrations that lapse within 30 days if nothing is paid."),
    ]
    with_open_bill: Annotated[Count, Field(description="Members with a bill that takes money now.")]
    without_open_bill: Annotated[Count, Field(description="All others, whatever their standing.")]
