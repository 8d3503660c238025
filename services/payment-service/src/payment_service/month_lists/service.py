"""List months of commissions with what is unpaid of them, and measure what is late."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.month_lists import queries, rules
from payment_service.month_lists.models import UnpaidMonth
from payment_service.month_lists.rules import DueStatus
from payment_service.month_lists.schemas import ListedMonthOut
from payment_service.months import service as months
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from perisai_kit.db.engine import allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Page

MEASURE_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Unpaid:
    """Statements that may be paid and are not, and what they owe in rupiah."""

    count: int = 0
    amount: int = 0


async def list_months(
    session: AsyncSession, *, cursor: str | None, limit: int, settings: Settings
) -> Page[ListedMonthOut]:
    """Return the months in which something was earned or that were closed, the latest first.

    Raises: CursorInvalid.
    """
    page = await months.list_months(session, cursor=cursor, limit=limit)
    wanted = [Month.parse(str(each.month)) for each in page.items]
    measured = await queries.find_measured(session, wanted)
    items = [
        _show(each, month, measured.get(month), settings)
        for each, month in zip(page.items, wanted, strict=True)
    ]
    return Page(items=items, next_cursor=page.next_cursor)


async def measure(session: AsyncSession, settings: Settings) -> dict[DueStatus, Unpaid]:
    """Measure what is unpaid of every closed month; return what is late and what soon will be."""
    await allow_minutes(session, MEASURE_MINUTES)
    await queries.measure(session, at=clock.now())
    found = {DueStatus.DUE_SOON: Unpaid(), DueStatus.LATE: Unpaid()}
    for each in await queries.list_unpaid(session):
        status = _status_of(each, settings)
        if status in found:
            before = found[status]
            found[status] = Unpaid(
                before.count + each.unpaid_count, before.amount + each.unpaid_amount
            )
    return found


def _status_of(each: UnpaidMonth, settings: Settings) -> DueStatus:
    return rules.find_due_status(
        each.unpaid_count,
        rules.due_on(each.month, due_day=settings.payout_due_day),
        today=clock.today(),
        alarm_days=settings.payout_alarm_days,
    )


def _show(
    shown: CommissionMonthOut, month: Month, measured: UnpaidMonth | None, settings: Settings
) -> ListedMonthOut:
    return ListedMonthOut(
        **shown.model_dump(),
        payout_due_on=rules.due_on(month, due_day=settings.payout_due_day),
        payout_status=_status_of(measured, settings) if measured else None,
        unpaid_count=measured.unpaid_count if measured else None,
        unpaid_amount=measured.unpaid_amount if measured else None,
        unpaid_as_of=measured.measured_at if measured else None,
    )
