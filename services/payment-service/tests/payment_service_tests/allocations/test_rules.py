from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.allocations import rules
from payment_service.allocations.rules import AllocationReason
from payment_service.bills.rules import (
    UNPAYABLE,
    AmountMismatch,
    BillAlreadyPaid,
    BillEnded,
    BillReplaced,
    BillStatus,
    BillVoid,
    LockedBill,
    LockedLine,
)
from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme

NOW = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
CLOSED = [BillStatus.PAID, BillStatus.REPLACED, BillStatus.VOID, BillStatus.ENDED]


def make_bill(status: BillStatus = BillStatus.OPEN, amount: int = 16_800) -> LockedBill:
    """Return a bill of one month; one that is not open was closed before NOW."""
    over = NOW - timedelta(hours=1)
    is_withdrawn = status in (BillStatus.REPLACED, BillStatus.VOID)
    return LockedBill(
        id=new_id(),
        amount=amount,
        issued_at=NOW - timedelta(days=2),
        expires_at=over if status is BillStatus.ENDED else NOW + timedelta(days=5),
        member_id=new_id(),
        status=status,
        payer=Payer.SELF,
        withdrawn_at=over if is_withdrawn else None,
        lines=(LockedLine(Month(2026, 11), Programme.JKK, amount, 0),),
    )


def divide(bills: Sequence[LockedBill], paid: int, **differences: Any) -> list[rules.Share]:
    usual: dict[str, Any] = {"paid_at": NOW, "paid_months": {}}
    return rules.divide(bills, paid=paid, **{**usual, **differences})


@given(due=st.integers(1, 10**7), paid=st.integers(0, 10**7))
def test_only_the_exact_amount_pays_a_bill(due: int, paid: int) -> None:
    bill = make_bill(amount=due)
    if due == paid:
        assert divide([bill], paid) == [rules.Share(due, bill)]
        return
    with pytest.raises(AmountMismatch) as refused:
        divide([bill], paid)
    assert refused.value.details == {"due": due, "paid": paid}


@given(statuses=st.lists(st.sampled_from(list(BillStatus)), min_size=1, max_size=12))
def test_the_shares_add_up_and_only_open_bills_are_settled(statuses: list[BillStatus]) -> None:
    bills = [make_bill(status, 10_000 + place) for place, status in enumerate(statuses)]
    due = sum(bill.amount for bill in bills)
    if BillStatus.OPEN not in statuses:
        with pytest.raises(UNPAYABLE):
            divide(bills, due)
        return

    shares = divide(bills, due)

    assert sum(share.amount for share in shares) == due
    assert [share.bill for share in shares] == bills
    for share, status in zip(shares, statuses, strict=True):
        is_open = status is BillStatus.OPEN
        assert share.reason == (None if is_open else AllocationReason(f"bill_{status}"))


@pytest.mark.parametrize("amount", [16_800, 16_801, 33_599])
def test_an_order_asks_for_the_whole_amount_even_if_one_of_its_bills_is_closed(amount: int) -> None:
    bills = [make_bill(), make_bill(BillStatus.VOID)]

    with pytest.raises(AmountMismatch):
        divide(bills, amount)


@pytest.mark.parametrize(
    ("statuses", "refusal"),
    [
        ([BillStatus.PAID], BillAlreadyPaid),
        ([BillStatus.REPLACED, BillStatus.VOID], BillReplaced),
        ([BillStatus.VOID, BillStatus.ENDED], BillVoid),
        ([BillStatus.ENDED, BillStatus.REPLACED], BillEnded),
        ([BillStatus.REPLACED, BillStatus.PAID], BillAlreadyPaid),
    ],
)
def test_an_order_of_which_no_bill_can_count_is_refused_and_that_one_is_paid_says_most(
    statuses: list[BillStatus], refusal: type[Conflict]
) -> None:
    bills = [make_bill(status) for status in statuses]

    with pytest.raises(refusal):
        divide(bills, 1)
    with pytest.raises(refusal):
        rules.check_any_open(bills, at=NOW)


def test_an_order_can_be_inquired_while_one_of_its_bills_can_be_paid() -> None:
    rules.check_any_open([make_bill(BillStatus.VOID), make_bill()], at=NOW)


def test_the_months_that_are_paid_count_for_their_member_alone() -> None:
    first, second = make_bill(BillStatus.VOID), make_bill(BillStatus.VOID)
    before = NOW - timedelta(hours=2)

    shares = divide(
        [first, second],
        first.amount + second.amount,
        paid_at=before,
        paid_months={first.member_id: {Month(2026, 11)}},
    )

    assert [share.reason for share in shares] == [AllocationReason.BILL_VOID, None]


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_kept_whole_names_its_bill_only_if_there_is_one(count: int) -> None:
    bills = [make_bill(BillStatus.PAID) for _ in range(count)]

    (share,) = rules.keep_whole(bills, paid=5_000, code="bill_paid")

    assert (share.amount, share.reason) == (5_000, AllocationReason.BILL_PAID)
    assert share.bill == (bills[0] if count == 1 else None)
