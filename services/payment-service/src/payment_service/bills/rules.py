"""The states of a bill, and which months may be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from payment_service.tariffs.rules import Payer, Programme
from perisai_kit.domain.errors import Conflict, Invalid, NotFound
from perisai_kit.domain.month import Month

ARREARS_MONTHS = 3
"""Arrears of at most three contribution months may still be paid.
Source: docs/domain.md, Start, due date, lapse, return."""

LAPSED = "lapsed"
"""member-service's word for a member who is out: old arrears are not charged on coming back.
Source: the same."""


class BillStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class CancellationReason(StrEnum):
    """Our own list: no source names one."""

    WRONG_MONTHS = "wrong_months"
    WRONG_DATA = "wrong_data"
    MEMBER_REQUEST = "member_request"
    REPLACED = "replaced"


NEXT: dict[BillStatus, frozenset[BillStatus]] = {
    BillStatus.OPEN: frozenset({BillStatus.PAID, BillStatus.CANCELLED, BillStatus.EXPIRED}),
    BillStatus.PAID: frozenset(),
    BillStatus.CANCELLED: frozenset(),
    BillStatus.EXPIRED: frozenset(),
}


class BillNotFound(NotFound):
    code = "bill_not_found"
    text = "There is no such bill, or you may not see it."
    text_id = "Tagihan tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BillAlreadyPaid(Conflict):
    code = "bill_already_paid"
    text = "This bill is already paid."
    text_id = "Tagihan ini sudah dibayar."


class BillCancelledAlready(Conflict):
    code = "bill_cancelled"
    text = "This bill was cancelled. Create a new bill."
    text_id = "Tagihan ini sudah dibatalkan. Buat tagihan baru."


class BillExpiredAlready(Conflict):
    code = "bill_expired"
    text = "This bill has expired. Create a new bill."
    text_id = "Tagihan ini sudah kedaluwarsa. Buat tagihan baru."


class AmountMismatch(Invalid):
    code = "amount_mismatch"
    text = "The amount differs from the amount of the bill."
    text_id = "Jumlah pembayaran tidak sama dengan jumlah tagihan."


class MonthAlreadyBilled(Conflict):
    code = "month_already_billed"
    text = "One of these months is already on an open or paid bill of this member."
    text_id = (
        "Salah satu bulan ini sudah ada pada tagihan peserta yang masih terbuka atau sudah lunas."
    )


class MonthNotBillable(Invalid):
    code = "month_not_billable"
    text = "One of these months is too far in the past or in the future."
    text_id = "Salah satu bulan ini sudah terlalu lama lewat atau masih terlalu jauh."


class NoActiveBank(Conflict):
    code = "no_active_bank"
    text = "No bank accepts payments at the moment. Try again later."
    text_id = "Saat ini belum ada bank yang menerima pembayaran. Coba lagi nanti."


class Payable(Protocol):
    """A bill as far as paying it goes."""

    @property
    def id(self) -> UUID: ...
    @property
    def status(self) -> BillStatus: ...
    @property
    def amount(self) -> int: ...
    @property
    def expires_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class LockedLine:
    """One programme of one month; amounts in rupiah."""

    month: Month
    programme: Programme
    amount: int
    relief_amount: int


@dataclass(frozen=True, slots=True)
class LockedBill:
    """A bill as it stands while its row is locked: all that a payment takes from it.

    display_name is encrypted.
    """

    id: UUID
    amount: int
    expires_at: datetime
    display_name: bytes = field(repr=False)
    member_id: UUID
    agent_id: UUID | None
    wadah_id: UUID | None
    attribution_id: UUID | None
    branch_code: str
    region_code: str
    month_count: int
    status: BillStatus
    payer: Payer
    first_month: Month
    lines: tuple[LockedLine, ...]


_REFUSALS: dict[BillStatus, type[Conflict]] = {
    BillStatus.PAID: BillAlreadyPaid,
    BillStatus.CANCELLED: BillCancelledAlready,
    BillStatus.EXPIRED: BillExpiredAlready,
}


def check_change(status: BillStatus, to: BillStatus) -> None:
    """Refuse a step that the states do not allow, by the state the bill is in.

    Raises: BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready.
    """
    if to not in NEXT[status]:
        raise _REFUSALS[status]


def check_payable(
    status: BillStatus, *, due: int, paid: int, expires_at: datetime, paid_at: datetime
) -> None:
    """Refuse a payment that this bill cannot take; amounts in rupiah.

    What counts is when the customer paid at the bank: the bank's word may come later.
    Raises: BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready, AmountMismatch.
    """
    check_change(status, BillStatus.PAID)
    if paid_at > expires_at:
        raise BillExpiredAlready
    if paid != due:
        raise AmountMismatch(due=due, paid=paid)


def shown_status(status: BillStatus, *, expires_at: datetime, at: datetime) -> BillStatus:
    """Return the state as everybody but the bank's late word sees it at an instant."""
    if status is BillStatus.OPEN and at > expires_at:
        return BillStatus.EXPIRED
    return status


def expires_at(issued_at: datetime, *, valid_h: int) -> datetime:
    """Return the last instant at which the customer can pay.

    Source: none found (docs/domain.md, Payment channels); the hours are a setting.
    """
    return issued_at + timedelta(hours=valid_h)


def check_months(
    months: Sequence[Month],
    *,
    present: Month,
    registered: Month,
    member_status: str,
    advance_months: int,
) -> None:
    """Refuse months that cannot be paid now.

    Not before the member's registration, not more than the arrears allowed, for a lapsed member
    no arrears at all, and not further ahead than is sold.
    Raises: MonthNotBillable, with the earliest and latest month.
    """
    back = 0 if member_status == LAPSED else ARREARS_MONTHS
    earliest = max(present.plus(-back), registered)
    latest = present.plus(advance_months)
    if months[0] < earliest or months[-1] > latest:
        raise MonthNotBillable(earliest=str(earliest), latest=str(latest))
