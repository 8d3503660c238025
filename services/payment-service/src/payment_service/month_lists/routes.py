"""Months of commissions over HTTP. They are closed by closings."""

from fastapi import APIRouter

from payment_service.month_lists import service
from payment_service.month_lists.schemas import ListedMonthOut
from payment_service.month_lists.service import MonthDue
from payment_service.months import service as months
from payment_service.months.rules import MonthStatus
from payment_service.months.schemas import CommissionMonthOut
from payment_service.principals import Bookkeeper
from payment_service.settings import Config
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page

router = APIRouter(prefix="/v1/commission-months", tags=["commission months"])


@router.get("", dependencies=[made_at("unpaid_as_of")])
async def list_months(
    session: ReadSession, _: Bookkeeper, config: Config, cursor: Cursor = None, limit: Limit = 24
) -> Page[ListedMonthOut]:
    """List the months in which something was earned, open and closed, the latest first.

    Of each also whether what is owed for it is late, and of a closed one what is unpaid.
    """
    page = await months.list_months(session, cursor=cursor, limit=limit)
    shown = {Month.parse(str(each.month)): each for each in page.items}
    closed = {month: each.status is MonthStatus.CLOSED for month, each in shown.items()}
    dues = await service.find_dues(session, closed, config)
    items = [_month_out(each, dues[month]) for month, each in shown.items()]
    return Page(items=items, next_cursor=page.next_cursor)


def _month_out(shown: CommissionMonthOut, due: MonthDue) -> ListedMonthOut:
    return ListedMonthOut(
        **shown.model_dump(),
        payout_due_on=due.due_on,
        payout_status=due.status,
        unpaid_count=due.unpaid.count if due.unpaid else None,
        unpaid_amount=due.unpaid.amount if due.unpaid else None,
        unpaid_as_of=due.as_of,
    )
