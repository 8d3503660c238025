"""The statuses of a bill, and when it can be paid."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, assert_never
from uuid import UUID

from payment_service.quotes.rules import Billable
from perisai_kit.domain.errors import Conflict, Invalid, NotFound
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme


class BillStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    REPLACED = "replaced"  # by a newer bill of the member
    VOID = "void"  # withdrawn
    ENDED = "ended"  # not paid in time


class VoidReason(StrEnum):
    """Our own list: no source names one."""

    WRONG_MONTHS = "wrong_months"
    WRONG_DATA = "wrong_data"
    MEMBER_REQUEST = "member_request"
    REGISTRATION_ENDED = "registration_ended"
    MONTHS_PAID = "months_paid"  # by money for an earlier bill, reported late
    OVER_AGE = "over_age"  # a corrected date of birth shows it
    DATA_CORRECTED = "data_corrected"  # its months, or its end, are not offered any more


class BillNotFound(NotFound):
    code = "bill_not_found"
    text = "There is no such bill, or you may not see it."
    text_id = "Tagihan tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BillAlreadyPaid(Conflict):
    code = "bill_paid"
    text = "This bill is already paid."
    text_id = "Tagihan ini sudah dibayar."


class BillReplaced(Conflict):
    code = "bill_replaced"
    text = "A newer bill of the member has replaced this bill. Use the newer bill."
    text_id = "Tagihan ini sudah diganti dengan tagihan yang lebih baru. Gunakan tagihan yang baru."


class BillVoid(Conflict):
    code = "bill_void"
    text = "This bill was withdrawn. Ask for a quote to see what can be billed now."
    text_id = (
        "Tagihan ini sudah ditarik. Lihat simulasi iuran untuk mengetahui apa yang dapat ditagih "
        "sekarang."
    )


class BillEnded(Conflict):
    code = "bill_ended"
    text = "This bill has ended without a payment. Create a new bill."
    text_id = "Masa berlaku tagihan ini sudah habis. Buat tagihan baru."


class AmountMismatch(Invalid):
    code = "amount_mismatch"
    text = "The amount differs from the amount of the order."
    text_id = "Jumlah pembayaran tidak sama dengan jumlah tagihan."


class MonthAlreadyBilled(Conflict):
    """`details`: `months`, those that are paid."""

    code = "month_already_billed"
    text = "One of these months is already paid. Load the member again to see what is unpaid."
    text_id = (
        "Salah satu bulan ini sudah dibayar. Muat ulang data peserta untuk melihat bulan yang "
        "belum dibayar."
    )


class Lifetime(Protocol):
    """Until when a bill can be paid. withdrawn_at: when it was replaced or became void."""

    @property
    def expires_at(self) -> datetime: ...
    @property
    def withdrawn_at(self) -> datetime | None: ...


class Askable(Lifetime, Protocol):
    """A bill as far as asking goes whether it can be paid."""

    @property
    def status(self) -> BillStatus: ...


class Payable(Askable, Protocol):
    """A bill as far as paying it goes."""

    @property
    def months(self) -> Collection[Month]: ...


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

    expires_at: the first instant that is too late. withdrawn_at: when it was replaced or became
    void.
    """

    id: UUID
    amount: int
    issued_at: datetime
    expires_at: datetime
    member_id: UUID
    status: BillStatus
    payer: Payer
    withdrawn_at: datetime | None
    lines: tuple[LockedLine, ...]

    @property
    def months(self) -> frozenset[Month]:
        return frozenset(line.month for line in self.lines)


UNPAYABLE = (BillAlreadyPaid, BillReplaced, BillVoid, BillEnded)
"""Why a bill takes no money, by its status."""
_REFUSALS: dict[BillStatus, type[Conflict]] = {
    BillStatus.OPEN: BillEnded,
    BillStatus.PAID: BillAlreadyPaid,
    BillStatus.REPLACED: BillReplaced,
    BillStatus.VOID: BillVoid,
    BillStatus.ENDED: BillEnded,
}


def check_open(status: BillStatus) -> None:
    """Refuse a bill that is not open any more.

    Raises: BillAlreadyPaid, BillReplaced, BillVoid, BillEnded.
    """
    if status is not BillStatus.OPEN:
        raise _REFUSALS[status]


def is_late_report(bill: Askable) -> bool:
    """Tell whether a payment of a bill can only be reported late: it is not open, and not paid."""
    return bill.status not in (BillStatus.OPEN, BillStatus.PAID)


def find_payable_until(bill: Lifetime) -> datetime:
    """Return the first instant that is too late for money for a bill."""
    return min(bill.expires_at, bill.withdrawn_at or bill.expires_at)


def check_in_time(bill: Askable, *, at: datetime) -> None:
    """Refuse money for a bill that is paid, or that came too late for it.

    Raises: BillAlreadyPaid, BillReplaced, BillVoid, BillEnded.
    """
    if bill.status is BillStatus.PAID:
        raise BillAlreadyPaid
    if at >= find_payable_until(bill):
        raise _REFUSALS[bill.status]


def check_payable(bill: Payable, *, at: datetime, paid_months: Collection[Month] = ()) -> None:
    """Refuse money that this bill cannot take.

    at: when the customer paid; the bank may report it later. What was paid before a bill was
    replaced, void or ended still counts, if its months are unpaid. paid_months: of the member.
    Raises: BillAlreadyPaid, BillReplaced, BillVoid, BillEnded.
    Source: docs/money.md, Orders, payments and allocations.
    """
    check_in_time(bill, at=at)
    if is_late_report(bill) and any(month in paid_months for month in bill.months):
        raise _REFUSALS[bill.status]


def shown_status(status: BillStatus, *, expires_at: datetime, at: datetime) -> BillStatus:
    """Return the status that is shown at an instant.

    An open bill past its end is shown as ended, although the bank may still report a payment
    that was made in time.
    """
    if status is BillStatus.OPEN and at >= expires_at:
        return BillStatus.ENDED
    return status


def find_end(issued_at: datetime, *, valid_h: int, pay_before: datetime) -> datetime:
    """Return the first instant at which a bill cannot be paid any more.

    pay_before: the end of the offer that its months come from.
    Source: docs/domain.md, Bills and quotes; the hours are a setting.
    """
    return min(issued_at + timedelta(hours=valid_h), pay_before)


def find_void_reason(
    months: Sequence[Month], *, expires_at: datetime, billable: Billable
) -> VoidReason | None:
    """Return why an open bill cannot be paid any more by what is known now; None: it can.

    months: of the bill, in order. It stays if a bill with these months and this end could be issued
    now. A declaration of work was asked for at the issue, and is not asked for again.
    """
    match billable.not_billable:
        case "over_age":
            return VoidReason.OVER_AGE
        case "deceased":
            return VoidReason.REGISTRATION_ENDED
        case None:
            pass
        case _:
            assert_never(billable.not_billable)
    is_offered = any(
        tuple(offer.months[: len(months)]) == tuple(months) and expires_at <= offer.pay_before
        for offer in billable.offers
    )
    return None if is_offered else VoidReason.DATA_CORRECTED
