from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from member_service.members.schemas import SUMMARY_EXAMPLE, MemberSummary
from perisai_kit.http.types import BillId, Count, Out, RecordId, Rupiah, Text255, with_example


class MemberRow(MemberSummary):
    """A member in a list, with what is to be done for the member today."""

    model_config = with_example(
        **SUMMARY_EXAMPLE,
        agent_name="Dewi Lestari",
        covered_today=True,
        lapses_on="2027-03-16",
        next_due_on="2027-01-15",
        unpaid_months=0,
        amount_due=None,
        open_bill_id=None,
    )

    agent_name: Annotated[
        Text255 | None,
        Field(
            description="The agent's whole name, for the member, the agent's wadah and offices; "
            "null for others and while agent-service does not answer."
        ),
    ]
    covered_today: Annotated[
        bool, Field(description="Whether the member is protected at this moment.")
    ]
    lapses_on: Annotated[
        date | None,
        Field(
            description="First day without membership, if nothing more is paid; null without an "
            "open registration."
        ),
    ]
    next_due_on: Annotated[
        date | None,
        Field(
            description="Due day of the first unpaid month, which may be past; null without an "
            "open registration."
        ),
    ]
    unpaid_months: Annotated[
        Count, Field(description="Unpaid months of the open registration that are due.")
    ]
    amount_due: Annotated[
        Rupiah | None,
        Field(
            description="Amount of the open bill, in rupiah; null without one. What a new bill "
            "would cost is in its quote."
        ),
    ]
    open_bill_id: Annotated[
        BillId | None,
        Field(description="The bill that takes money now; null if there is none."),
    ]


class RemovedMember(Out):
    """A member whom you saw before and may not see any more; delete your copy."""

    id: RecordId
    removed: Annotated[Literal[True], Field(description="Always true.")] = True


class MemberPage(Out):
    """One page of members."""

    items: Annotated[
        list[MemberRow | RemovedMember],
        Field(description="The rows of this page; `removed` ones only with `updated_since`."),
    ]
    next_cursor: Annotated[
        str | None,
        Field(description="Send it as `cursor` for the next page; null on the last one."),
    ] = None
    as_of: Annotated[
        str | None,
        Field(
            description="On the first page: send it as `updated_since` next time, after you have "
            "read all pages. Null on later pages, and in a list with filters or another order."
        ),
    ] = None
