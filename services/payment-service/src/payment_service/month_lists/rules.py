"""When the incentives of a month are due, and what is late.

Source: docs/commissions.md, Payouts.
"""

from datetime import date, timedelta
from enum import StrEnum

from perisai_kit.domain.month import Month


class DueStatus(StrEnum):
    """Of the incentives of a month that may be paid; nothing is paid of a month before its close.

    due_soon: some are unpaid, and the due day is near. late: some are unpaid after that day.
    """

    PAID = "paid"
    ON_TIME = "on_time"
    DUE_SOON = "due_soon"
    LATE = "late"


def due_on(month: Month, *, due_day: int) -> date:
    """Return the day of the following month by which the incentives of a month are to be paid."""
    return month.plus(1).first_day.replace(day=due_day)


def find_due_status(is_paid: bool, due: date, *, today: date, alarm_days: int) -> DueStatus:
    """Return whether what is unpaid of a month is late, or will be soon.

    is_paid: the month is closed, and nothing that may be paid is left. due: the last day that is in
    time. alarm_days: from how many days before it they are due soon.
    """
    if is_paid:
        return DueStatus.PAID
    if today > due:
        return DueStatus.LATE
    return DueStatus.DUE_SOON if today >= due - timedelta(days=alarm_days) else DueStatus.ON_TIME
