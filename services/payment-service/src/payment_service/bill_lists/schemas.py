from typing import Annotated, Literal

from pydantic import Field

from payment_service.bills.schemas import BillSummary, VirtualAccountOut
from perisai_kit.http.types import Out, RecordId


class BillRow(BillSummary):
    """A bill in a list. Amounts in whole rupiah."""

    display_name: Annotated[
        str,
        Field(
            description="The name on the bill: whole for the member, for the agent who has the "
            "member today and for the branch; masked for others."
        ),
    ]
    virtual_accounts: Annotated[
        list[VirtualAccountOut],
        Field(description="Where its order can be paid: one for each bank."),
    ]


class RemovedBill(Out):
    """A bill that you saw before and may not see any more; delete your copy."""

    id: RecordId
    removed: Annotated[Literal[True], Field(description="Always true.")] = True


class BillPage(Out):
    """One page of bills."""

    items: Annotated[
        list[BillRow | RemovedBill],
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
            "read all pages. Null on later pages, in a list with filters or another order, and for "
            "those who see more than 5,000 members."
        ),
    ] = None
