"""When a payment counts, and what is booked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from payment_service.allocations.rules import Share
from payment_service.days import ALL_DAYS, Days
from perisai_kit.domain.errors import NotFound


class PaymentNotFound(NotFound):
    code = "payment_not_found"
    text = "There is no such payment, or you may not see it."
    text_id = "Pembayaran tidak ditemukan, atau Anda tidak berwenang melihatnya."


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments are asked for; None: all. amount: rupiah.

    agent_id, branch_code: of who has the member today. is_declined: only those with an allocation
    that was declined.
    """

    days: Days = ALL_DAYS
    partner_id: UUID | None = None
    amount: int | None = None
    reference_no: str | None = None
    agent_id: UUID | None = None
    branch_code: str | None = None
    member_id: UUID | None = None
    bill_id: UUID | None = None
    order_id: UUID | None = None
    is_declined: bool = False

    @property
    def is_of_few(self) -> bool:
        """Whether an index finds what is asked for among all payments, however many there are."""
        keys = (self.member_id, self.bill_id, self.order_id, self.reference_no)
        return self.is_declined or any(key is not None for key in keys)

    def check(self) -> None:
        """Refuse to look for an amount among all payments there are. Raises: DaysNeeded."""
        if self.amount is not None and not self.is_of_few:
            self.days.check_bounded()


class BankTimeUse(StrEnum):
    """What became of the bank's time of a payment."""

    AS_SENT = "as_sent"
    CLAMPED = "clamped"  # a little before the issue or after the receipt
    TOO_FAR = "too_far"  # the time of receipt counts
    UNTRUSTED = "untrusted"  # the same, for every payment of this bank
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class PaidAt:
    """When a payment counts. difference: of the bank's time from that instant; zero without one."""

    at: datetime
    use: BankTimeUse
    difference: timedelta = timedelta()


def decide_paid_at(
    trx_date_time: datetime | None,
    *,
    issued_at: datetime,
    received_at: datetime,
    tolerance: timedelta | None,
) -> PaidAt:
    """Return when a payment counts: at the bank's time, as far as that can be.

    A customer cannot pay before the order exists, nor after the bank has reported it. What lies
    within the tolerance of that span is moved into it; anything further off is a wrong clock or a
    wrong time zone, and the time of receipt counts.
    tolerance: None where the times of this bank are not trusted.
    Source: our own; docs/domain.md, Time of a payment.
    """
    if trx_date_time is None:
        return PaidAt(received_at, BankTimeUse.ABSENT)
    difference = trx_date_time - received_at
    if tolerance is None:
        return PaidAt(received_at, BankTimeUse.UNTRUSTED, difference)
    if not issued_at - tolerance <= trx_date_time <= received_at + tolerance:
        return PaidAt(received_at, BankTimeUse.TOO_FAR, difference)
    at = min(max(trx_date_time, issued_at), received_at)
    use = BankTimeUse.AS_SENT if at == trx_date_time else BankTimeUse.CLAMPED
    return PaidAt(at, use, trx_date_time - at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A bank's word that its customer has paid an order. amount: rupiah.

    trx_date_time: the bank's instant of the payment, as it sent it; None: it sent none.
    received_at: when the word came. paid_at: when the payment counts; see `decide_paid_at`.
    paying_account: the customer's, as a keyed hash; None: the bank names none.
    """

    partner_id: UUID
    payment_request_id: str
    amount: int
    trx_date_time: datetime | None
    received_at: datetime
    paid_at: datetime
    channel_code: str | None = None
    reference_no: str | None = None
    paying_account: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A payment to be booked: the bank's word, and how it is divided over the order's bills.

    callback_id: the message that it came with. The bills are locked.
    """

    payment_id: UUID
    callback_id: UUID
    order_id: UUID
    notice: Notice
    shares: Sequence[Share]


@dataclass(frozen=True, slots=True)
class NewBank:
    """A bank partner that has begun to pay. recent: its payments that were booked lately."""

    partner_id: UUID
    first_received_at: datetime
    recent: int
