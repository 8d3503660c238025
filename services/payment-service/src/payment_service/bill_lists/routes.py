"""The list of bills over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from payment_service.bill_changes.rules import UpdatedSinceTooMany
from payment_service.bill_lists import service
from payment_service.bill_lists.rules import BillFilter, BillSort, SortNotPossible, choose_sort
from payment_service.bill_lists.schemas import BillPage, BillRow, RemovedBill
from payment_service.bill_lists.service import Listing
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, shown_status
from payment_service.bills.schemas import BillSummary, VirtualAccountOut
from payment_service.days import Days, DaysBackward, DaysNeeded
from payment_service.dependencies import WholeDatabase
from payment_service.principals import Reader
from perisai_kit.domain import clock
from perisai_kit.domain.money import MAX_RUPIAH
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.answers.sync import (
    UpdatedSinceFiltered,
    UpdatedSinceInvalid,
    encode_since,
    parse_since,
)
from perisai_kit.http.paging import Cursor, Limit
from perisai_kit.http.problems import problems
from perisai_kit.http.types import (
    MONTH_PATTERN,
    AgentId,
    Code,
    Day,
    MemberId,
    OrderId,
)
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/bills", tags=["bills"], route_class=ReadRoute)

WITH_DAYS = "with `issued_from` and `issued_to`, at most 31 days, or a member, agent or order."
Order = Annotated[
    BillSort | None,
    Query(
        description="The order; `-` is descending, and `-issued_at` is the default. `expires_at` "
        "lists bills that can be paid only: the sooner one ends, the earlier it comes. Names are "
        "encrypted and cannot be sorted."
    ),
]
UpdatedSince = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Only what has changed since: the `as_of` of an earlier answer, or an instant. "
        "Bills that you may not see any more come as `removed`. Some rows may come again. Without "
        "filters and without another order, and for at most 5,000 members. An open bill is ended "
        "from `expires_at` on, which is no change here.",
        examples=["2026-11-30T08:00:00Z"],
    ),
]


async def _issued(
    issued_from: Annotated[
        Day | None, Query(description="First Jakarta day on which it was issued.")
    ] = None,
    issued_to: Annotated[
        Day | None, Query(description="Last such day; the same as the first for one day.")
    ] = None,
) -> Days:
    if issued_from is not None and issued_to is not None and issued_from > issued_to:
        raise DaysBackward(field="issued_from")
    return Days(issued_from, issued_to)


async def _asked(
    issued: Annotated[Days, Depends(_issued)],
    status: Annotated[BillStatus | None, Query(description="Only with this status.")] = None,
    member_id: MemberId | None = None,
    agent_id: Annotated[
        AgentId | None, Query(description="Only of members whom this agent has today.")
    ] = None,
    branch_code: Annotated[
        Code | None, Query(description="Only of members whom this branch has today.")
    ] = None,
    order_id: OrderId | None = None,
    month: Annotated[
        str | None,
        Query(
            pattern=MONTH_PATTERN,
            description=f"Only with this contribution month. Offices send it {WITH_DAYS}",
            examples=["2026-11"],
        ),
    ] = None,
    amount: Annotated[
        int | None,
        Query(
            ge=1,
            le=MAX_RUPIAH,
            description=f"Only of exactly these rupiah. Offices send it {WITH_DAYS}",
        ),
    ] = None,
    expires_before: Annotated[
        Day | None,
        Query(
            description="Only bills that can be paid now, and not any more on this day, in the "
            "order of `expires_at`."
        ),
    ] = None,
) -> BillFilter:
    return BillFilter(
        status=status,
        member_id=member_id,
        agent_id=agent_id,
        branch_code=branch_code,
        order_id=order_id,
        month=None if month is None else Month.parse(month),
        issued=issued,
        expires_before=expires_before,
        amount=amount,
    )


@router.get(
    "",
    responses=problems(
        DaysBackward,
        DaysNeeded,
        SortNotPossible,
        UpdatedSinceInvalid,
        UpdatedSinceFiltered,
        UpdatedSinceTooMany,
    ),
    dependencies=[made_at("as_of")],
)
async def list_bills(
    database: WholeDatabase,
    principal: Reader,
    asked: Annotated[BillFilter, Depends(_asked)],
    sort: Order = None,
    updated_since: UpdatedSince = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> BillPage:
    """List the bills you may see, the latest first.

    A bill must meet all filters. A cursor is valid for the same filters and the same order only.
    Reading is recorded, once a list.
    """
    order = choose_sort(sort, asked)
    if updated_since is not None and (asked != BillFilter() or order is not BillSort.NEWEST):
        raise UpdatedSinceFiltered(field="updated_since")
    since = parse_since(updated_since) if updated_since is not None else None
    present = None if cursor else await service.find_present(database)
    async with database.read_replica() if since is None else database.read() as session:
        if since is None:
            found = await service.list_bills(
                session, principal, asked, order, cursor=cursor, limit=limit
            )
        else:
            found = await service.list_changes(
                session, principal, since=since, cursor=cursor, limit=limit
            )
    now = clock.now()
    return BillPage(
        items=[
            *(RemovedBill(id=bill_id) for bill_id in found.removed),
            *(_row(bill, found, now) for bill in found.bills),
        ],
        next_cursor=found.next_cursor,
        as_of=encode_since(present) if present and found.is_kept else None,
    )


def _row(bill: Bill, found: Listing, now: datetime) -> BillRow:
    stored = BillSummary.model_validate(bill).model_dump(exclude={"status", "display_name"})
    return BillRow(
        **stored,
        status=shown_status(bill.status, expires_at=bill.expires_at, at=now),
        display_name=found.names[bill.id],
        virtual_accounts=[
            VirtualAccountOut.model_validate(each) for each in found.accounts[bill.order_id]
        ],
    )
