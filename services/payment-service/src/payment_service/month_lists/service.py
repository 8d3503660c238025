"""List months of commissions with what is unpaid of them, and measure what is late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.month_lists import queries, rules
from payment_service.month_lists.models import UnpaidMonth
from payment_service.month_lists.rules import DueStatus
from payment_service.settings import Settings
from perisai_kit.db.engine import allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month

MEASURE_MINUTES = 30


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


async def find_dues(
    session: AsyncSession, months: Sequence[Month], settings: Settings
) -> dict[Month, MonthDue]:
    """Return when the incentives of these months are due, and what of them is unpaid."""
    measured = await queries.find_measured(session, months)
    return {month: _due_of(month, measured.get(month), settings) for month in months}


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


def _due_of(month: Month, measured: UnpaidMonth | None, settings: Settings) -> MonthDue:
    due_on = rules.due_on(month, due_day=settings.payout_due_day)
    if measured is None:
        return MonthDue(due_on, None, None, None)
    unpaid = Unpaid(measured.unpaid_count, measured.unpaid_amount)
    return MonthDue(due_on, _status_of(measured, settings), unpaid, measured.measured_at)
