"""The states of a bill, and when it can be paid."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Invalid, NotFound
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme


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
    REGISTRATION_ENDED = "registration_ended"


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
    """`details`: `months`, those that are paid."""

    code = "month_already_billed"
    text = "One of these months is already paid. Load the member again to see what is unpaid."
    text_id = (
        "Salah satu bulan ini sudah dibayar. Muat ulang data peserta untuk melihat bulan yang "
        "belum dibayar."
    )


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

    display_name is encrypted. expires_at: the first instant that is too late.
    """

    id: UUID
    amount: int
    issued_at: datetime
    expires_at: datetime
    display_name: bytes = field(repr=False)
    member_id: UUID
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

    paid_at: when the customer paid; the bank may report it later. expires_at: the first instant
    that is too late.
    Raises: BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready, AmountMismatch.
    """
    check_change(status, BillStatus.PAID)
    if paid_at >= expires_at:
        raise BillExpiredAlready
    if paid != due:
        raise AmountMismatch(due=due, paid=paid)


def shown_status(status: BillStatus, *, expires_at: datetime, at: datetime) -> BillStatus:
    """Return the state that is shown at an instant.

    An open bill past its end is shown as expired, although the bank may still report a payment
    that was made in time.
    """
    if status is BillStatus.OPEN and at >= expires_at:
        return BillStatus.EXPIRED
    return status


def find_end(issued_at: datetime, *, valid_h: int, pay_before: datetime) -> datetime:
    """Return the first instant at which a bill cannot be paid any more.

    pay_before: the end of the offer that its months come from.
    Source: docs/domain.md, Bills and quotes; the hours are a setting.
    """
    return min(issued_at + timedelta(hours=valid_h), pay_before)
