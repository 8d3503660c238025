"""An order: what it asks for, and what may be put into one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from payment_service.bills.rules import BillStatus, LockedBill, is_late_report
from perisai_kit.domain.errors import NotFound

MAX_BILLS = 100
"""Of one order. Source: docs/money.md, Orders, payments and allocations."""


class OrderNotFound(NotFound):
    code = "order_not_found"
    text = "There is no such order, or you may not see it."
    text_id = "Pesanan pembayaran tidak ditemukan, atau Anda tidak berwenang melihatnya."


@dataclass(frozen=True, slots=True)
class LockedOrder:
    """An order under one of its virtual accounts, with its bills by id, all of them locked.

    shown_name: encrypted.
    """

    id: UUID
    shown_name: bytes = field(repr=False)
    bills: Sequence[LockedBill]

    @property
    def amount(self) -> int:
        """What it asks for, in rupiah, whatever became of its bills."""
        return sum(bill.amount for bill in self.bills)

    @property
    def issued_at(self) -> datetime:
        return self.bills[0].issued_at

    @property
    def late_reports(self) -> list[LockedBill]:
        """The bills that only money paid earlier can settle."""
        return [bill for bill in self.bills if is_late_report(bill)]


@dataclass(frozen=True, slots=True)
class AskedBill:
    """A bill as an inquiry reads it, without its lines. amount: rupiah."""

    amount: int
    status: BillStatus
    expires_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class AskedOrder:
    """An order under one of its virtual accounts as an inquiry reads it, without a lock.

    shown_name: encrypted. bills: by id.
    """

    shown_name: bytes = field(repr=False)
    bills: Sequence[AskedBill]

    @property
    def amount(self) -> int:
        """What it asks for, in rupiah, whatever became of its bills."""
        return sum(bill.amount for bill in self.bills)


class OrderStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


def find_status(bill_statuses: Collection[BillStatus]) -> OrderStatus:
    """Return what can be done with an order. bill_statuses: of all its bills, as shown now."""
    if BillStatus.OPEN in bill_statuses:
        return OrderStatus.OPEN
    return OrderStatus.PAID if BillStatus.PAID in bill_statuses else OrderStatus.CLOSED
