"""How a payment is used: which bills of its order it settles, and what is left in suspense.

Source: docs/money.md, Orders, payments and allocations.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from uuid import UUID

from payment_service.bills.rules import (
    UNPAYABLE,
    AmountMismatch,
    Askable,
    BillAlreadyPaid,
    LockedBill,
    check_in_time,
    check_payable,
)
from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.month import Month


class AllocationKind(StrEnum):
    BILL = "bill"
    SUSPENSE = "suspense"


class AllocationReason(StrEnum):
    """Why money is in suspense, or why an allocation was taken back."""

    BILL_PAID = "bill_paid"
    BILL_REPLACED = "bill_replaced"
    BILL_VOID = "bill_void"
    BILL_ENDED = "bill_ended"
    AMOUNT_MISMATCH = "amount_mismatch"
    DECLINED = "declined"  # by member-service: the money cannot count for the member
    ALLOCATED = "allocated"  # two people have allocated it to a bill


@dataclass(frozen=True, slots=True)
class Share:
    """What one allocation of a payment is to be. amount: rupiah, > 0.

    bill: what it settles, or what it was paid for; None: no bill takes it. reason: why it is in
    suspense; None: it settles the bill.
    """

    amount: int
    bill: LockedBill | None
    reason: AllocationReason | None = None


def divide(
    bills: Sequence[LockedBill],
    *,
    paid: int,
    paid_at: datetime,
    paid_months: Mapping[UUID, Collection[Month]],
) -> list[Share]:
    """Divide a payment of an order over its bills: each that can still count is settled.

    bills: all of the order, at least one. paid: rupiah. paid_at: when the customer paid.
    paid_months: of members of bills that are not open, which months are paid already.
    Raises: BillAlreadyPaid, BillReplaced, BillVoid or BillEnded where no bill of the order can
    count; AmountMismatch.
    """
    refusals = []
    for bill in bills:
        months = paid_months.get(bill.member_id, ())
        check = partial(check_payable, bill, at=paid_at, paid_months=months)
        refusals.append(_find_refusal(check))
    _check_any_taken(refusals)
    due = sum(bill.amount for bill in bills)
    if paid != due:
        raise AmountMismatch(due=due, paid=paid)
    return [
        Share(bill.amount, bill, AllocationReason(refused.code) if refused else None)
        for bill, refused in zip(bills, refusals, strict=True)
    ]


def check_any_open(bills: Sequence[Askable], *, at: datetime) -> None:
    """Refuse an order of which no bill can be paid at an instant.

    bills: all of the order, at least one.
    Raises: BillAlreadyPaid, BillReplaced, BillVoid, BillEnded.
    """
    _check_any_taken([_find_refusal(partial(check_in_time, bill, at=at)) for bill in bills])


def _find_refusal(check: Callable[[], None]) -> Conflict | None:
    try:
        check()
    except UNPAYABLE as refused:
        return refused
    return None


def _check_any_taken(refusals: Sequence[Conflict | None]) -> None:
    """Refuse where every bill is refused: first that one is paid, as nobody must pay again."""
    found = [each for each in refusals if each is not None]
    if len(found) == len(refusals):
        raise next((each for each in found if isinstance(each, BillAlreadyPaid)), found[0])


def keep_whole(bills: Sequence[LockedBill], *, paid: int, code: str) -> list[Share]:
    """Return the one share of a payment that no bill takes and the bank cannot give back.

    code: of the refusal. With several bills nobody can say whose money it is.
    """
    return [Share(paid, bills[0] if len(bills) == 1 else None, AllocationReason(code))]


@dataclass(frozen=True, slots=True)
class Counted:
    """From when an allocation by decision counts, and when it was decided."""

    counts_at: datetime
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAllocation:
    """An allocation to be made, with all that it is made of. business_on: of its transfers.

    paying_account: as in `payments.rules.Notice`; it is published, and not stored.
    """

    id: UUID
    payment_id: UUID
    partner_id: UUID
    share: Share
    counts_at: datetime
    business_on: date
    allocated_at: datetime
    paying_account: str | None = None

    @property
    def kind(self) -> AllocationKind:
        return AllocationKind.BILL if self.share.reason is None else AllocationKind.SUSPENSE

    @property
    def settled_bill(self) -> LockedBill | None:
        """The bill that it settles."""
        return self.share.bill if self.share.reason is None else None
