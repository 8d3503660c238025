"""When a refused payment still needs somebody's attention.

Most banks give the money back, so what is open is a customer who wanted to pay. At a bank that does
not give it back (`keeps_refused_money`) the money itself is open.
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


def find_status(bills: Iterable[AskedBill], *, is_held: bool, is_settled: bool) -> RefusedStatus:
    """Return whether a refused payment is solved. bills: of its order; none: the order is unknown.

    is_held: it is money, and the bank does not give it back. Then it is open until another payment
    has settled it, whatever became of the bills.
    is_settled: a later payment was booked under its request id, or paid its order.
    Otherwise it is open while a bill of the order still waits for money, or ended without, and the
    member has no later bill. It is solved once the order is paid, its bills are withdrawn or
    replaced, or the members have later bills; so is one for an order we never had, whose customer
    nobody knows.
    """
    if is_held:
        return RefusedStatus.SOLVED if is_settled else RefusedStatus.OPEN
    is_open = any(bill.status in AWAITING and not bill.has_newer for bill in bills)
    return RefusedStatus.OPEN if is_open else RefusedStatus.SOLVED


def find_days(days: Days, *, today: date) -> Days:
    """Return the days that are asked for; by default the last ones. Raises: DaysNeeded."""
    if days == ALL_DAYS:
        return Days(today - timedelta(days=MOST_DAYS - 1), today)
    days.check_bounded()
    return days
