"""List months of commissions with what is unpaid of them, and measure what is late."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.month_lists import queries, rules
from payment_service.month_lists.models import UnpaidMonth
from payment_service.month_lists.rules import DueStatus
from payment_service.months import service as months
from payment_service.settings import Settings
from perisai_kit.db.engine import allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month

MEASURE_MINUTES = 30
ALARMING = (DueStatus.DUE_SOON, DueStatus.LATE)


@dataclass(frozen=True, slots=True)
class Unpaid:
    """Statements that may be paid and are not, and what they owe in rupiah."""

    count: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class MonthDue:
    """When the incentives of a month are due, and what is unpaid; None: not measured yet."""

    due_on: date
    status: DueStatus | None
    unpaid: Unpaid | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What is late or soon will be: statements, and months that are not closed."""

    unpaid: Mapping[DueStatus, Unpaid]
    unclosed: Mapping[DueStatus, int]


async def find_dues(
    session: AsyncSession, is_closed: Mapping[Month, bool], settings: Settings
) -> dict[Month, MonthDue]:
    """Return when the incentives of these months are due, and what of them is unpaid."""
    closed = [month for month in is_closed if is_closed[month]]
    measured = await queries.find_measured(session, closed)
    return {
        month: _due_of(month, measured.get(month), settings)
        if is_closed[month]
        else MonthDue(_due_on(month, settings), _status_of(month, settings), None, None)
        for month in is_closed
    }


async def measure(session: AsyncSession, settings: Settings) -> Measured:
    """Measure what is unpaid of every closed month, and which months are not closed in time."""
    await allow_minutes(session, MEASURE_MINUTES)
    await queries.measure(session, at=clock.now())
    found = {status: Unpaid() for status in ALARMING}
    for each in await queries.list_unpaid(session):
        status = _status_of(each.month, settings)
        if status in found:
            before = found[status]
            found[status] = Unpaid(
                before.count + each.unpaid_count, before.amount + each.unpaid_amount
            )
    unclosed = await months.list_unclosed(session, before=Month.of(clock.today()))
    counted = Counter(_status_of(month, settings) for month in unclosed)
    return Measured(unpaid=found, unclosed={status: counted[status] for status in ALARMING})


def _due_on(month: Month, settings: Settings) -> date:
    return rules.due_on(month, due_day=settings.payout_due_day)


def _status_of(month: Month, settings: Settings, *, is_paid: bool = False) -> DueStatus:
    return rules.find_due_status(
        is_paid,
        _due_on(month, settings),
        today=clock.today(),
        alarm_days=settings.payout_alarm_days,
    )


def _due_of(month: Month, measured: UnpaidMonth | None, settings: Settings) -> MonthDue:
    due_on = _due_on(month, settings)
    if measured is None:
        return MonthDue(due_on, None, None, None)
    unpaid = Unpaid(measured.unpaid_count, measured.unpaid_amount)
    status = _status_of(month, settings, is_paid=unpaid.count == 0)
    return MonthDue(due_on, status, unpaid, measured.measured_at)
