"""When a refused payment still needs somebody's attention.

The bank gives the money back, so what is open is not money but a customer who wanted to pay.
Source: our own; docs/money.md, Refused payments.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from payment_service.bills.rules import BillStatus
from payment_service.days import ALL_DAYS, MOST_DAYS, Days

AWAITING = frozenset({BillStatus.OPEN, BillStatus.ENDED})
"""The customer wanted to pay such a bill, and nobody has."""


class RefusedStatus(StrEnum):
    OPEN = "open"
    SOLVED = "solved"


@dataclass(frozen=True, slots=True)
class AskedBill:
    """A bill of the order that a refused payment was for. has_newer: the member has a later one."""

    status: BillStatus
    has_newer: bool


def find_status(bills: Iterable[AskedBill]) -> RefusedStatus:
    """Return whether a refused payment is solved. bills: of its order; none: the order is unknown.

    It is open while a bill of the order still waits for money, or ended without, and the member has
    no later bill. It is solved once the order is paid, its bills are withdrawn or replaced, or the
    members have later bills; so is one for an order we never had, whose customer nobody knows.
    """
    is_open = any(bill.status in AWAITING and not bill.has_newer for bill in bills)
    return RefusedStatus.OPEN if is_open else RefusedStatus.SOLVED


def find_days(days: Days, *, today: date) -> Days:
    """Return the days that are asked for; by default the last ones. Raises: DaysNeeded."""
    if days == ALL_DAYS:
        return Days(today - timedelta(days=MOST_DAYS - 1), today)
    days.check_bounded()
    return days
