"""Months of commissions: which are open, which may be closed, which are closed."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service as commissions
from payment_service.commissions.queries import MonthSums
from payment_service.counting import service as counting
from payment_service.counting.models import Watermark
from payment_service.counting.queries import Waiting
from payment_service.counting.rules import booked_month
from payment_service.months import queries, rules
from payment_service.months.models import ClosedMonth
from payment_service.months.rules import MonthStatus
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from payment_service.verifications import service as verifications
from payment_service.verifications.rules import Verified
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA, midnight
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Page, cut_page, read_cursor

EARLIER_SHOWN = 24


async def check_closable(
    session: AsyncSession, month: Month, watermark: Watermark, settings: Settings
) -> None:
    """Check that a month is over and everything in it counted.

    It stays so where the caller has locked the months.
    Raises: MonthClosedAlready, MonthBeingClosed, MonthNotOver, EventsUnread, EventsParked,
    PaymentsWait, EarlierMonthOpen.
    """
    rules.check_open(month, closed_through=watermark.closed_through, closing=watermark.closing)
    present = Month.of(clock.today())
    closable_from = None
    if month < present:
        closable_from = _end(month) + timedelta(hours=settings.month_close_after_h)
    rules.check_over(closable_from=closable_from, now=clock.now())
    assert closable_from is not None, "a month that lasts is refused"
    readers = await counting.progress(session, through=closable_from)
    rules.check_read(readers, needed=closable_from)
    waits = await count_waits(session, month)
    rules.check_counted({month: each.allocations for month, each in waits.items()})
    await _check_earlier(session, month, watermark)


async def check_next(session: AsyncSession, month: Month, watermark: Watermark) -> None:
    """Check that a month is the next to close: rests and debts of all before it are known.

    Raises: MonthClosedAlready, MonthBeingClosed, EarlierMonthOpen.
    """
    rules.check_open(month, closed_through=watermark.closed_through, closing=watermark.closing)
    await _check_earlier(session, month, watermark)


async def count_waits(session: AsyncSession, month: Month) -> dict[Month, Waiting]:
    """Return what waits and keeps a month from being closed, by the month it counts in."""
    return await counting.count_waits(session, before=_end(month))


async def record(session: AsyncSession, closed: ClosedMonth) -> None:
    """Store that a month is closed, with all its statements."""
    await queries.insert_month(session, closed)
    await counting.end_closing(session)


async def _check_earlier(session: AsyncSession, month: Month, watermark: Watermark) -> None:
    earlier = await commissions.months_with_lines(
        session, after=watermark.closed_through, before=month, limit=EARLIER_SHOWN
    )
    rules.check_earlier([each.month for each in earlier])


async def list_months(
    session: AsyncSession, *, cursor: str | None, limit: int
) -> Page[CommissionMonthOut]:
    """Return the months in which something was earned or that were closed, the latest first.

    Raises: CursorInvalid.
    """
    before = read_cursor(cursor, Month.parse)
    watermark = await counting.read_watermark(session)
    closing = watermark.closing
    waits = _by_booked_month(await counting.count_waits(session), watermark.closed_through)
    after = closing.plus(-1) if closing else watermark.closed_through
    found = await commissions.months_with_lines(
        session, after=after, before=before, limit=limit + 1
    )
    sums = {each.month: each for each in found}
    others = {month for month in (*waits, closing) if month}
    shown = {month for month in others if before is None or month < before}
    items = [
        _open(
            sums.get(month) or MonthSums(month, 0, 0, 0),
            waits.get(month, Waiting()),
            MonthStatus.CLOSING if month == closing else MonthStatus.OPEN,
        )
        for month in sorted({*sums, *shown}, reverse=True)
    ]
    closed = await queries.list_months(session, before=before, limit=limit + 1)
    verdicts = await verifications.find_verdicts(session, [each.month for each in closed])
    items += [_closed(each, verdicts[each.month]) for each in closed]
    page = cut_page(items, limit, key=lambda shown: shown.month)
    return Page(items=list(page.items), next_cursor=page.next_cursor)


async def list_unclosed(session: AsyncSession, *, before: Month) -> list[Month]:
    """Return the months before one that are not closed, and that have or await lines."""
    watermark = await counting.read_watermark(session)
    lines = await commissions.months_with_lines(
        session, after=watermark.closed_through, before=before, limit=EARLIER_SHOWN
    )
    waits = await counting.count_waits(session, before=_end(before.plus(-1)))
    booked = _by_booked_month(waits, watermark.closed_through)
    return sorted({each.month for each in lines} | {each for each in booked if each < before})


def _by_booked_month(
    waits: Mapping[Month, Waiting], closed_through: Month | None
) -> dict[Month, Waiting]:
    """Return what waits by the month whose statement will hold it."""
    booked: dict[Month, Waiting] = {}
    for month, waiting in waits.items():
        into = booked_month(month, closed_through)
        booked[into] = booked.get(into, Waiting()) + waiting
    return booked


def _end(month: Month) -> datetime:
    """Return the first instant after a month, as Jakarta writes it."""
    return midnight(month.plus(1).first_day).astimezone(JAKARTA)


def _open(sums: MonthSums, waiting: Waiting, status: MonthStatus) -> CommissionMonthOut:
    return CommissionMonthOut(
        month=sums.month,
        status=status,
        line_count=sums.line_count,
        agent_parts=sums.agent_parts,
        wadah_parts=sums.wadah_parts,
        waiting_payments=waiting.allocations,
        waiting_contributions=waiting.contributions,
        statement_count=None,
        amount=None,
        closed_at=None,
        closed_by=None,
        verified=None,
    )


def _closed(month: ClosedMonth, verified: Verified) -> CommissionMonthOut:
    return CommissionMonthOut(
        month=month.month,
        status=MonthStatus.CLOSED,
        line_count=month.line_count,
        agent_parts=month.agent_parts,
        wadah_parts=month.wadah_parts,
        waiting_payments=0,
        waiting_contributions=0,
        statement_count=month.statement_count,
        amount=month.amount,
        closed_at=month.closed_at,
        closed_by=month.closed_by,
        verified=verified,
    )
