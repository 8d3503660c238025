from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.bills import rules
from payment_service.bills.rules import BillStatus
from perisai_kit.domain.errors import Conflict

NOW = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


@pytest.mark.parametrize("to", [BillStatus.PAID, BillStatus.CANCELLED, BillStatus.EXPIRED])
def test_an_open_bill_can_be_paid_cancelled_or_expire(to: BillStatus) -> None:
    assert to in rules.NEXT[BillStatus.OPEN]
    rules.check_change(BillStatus.OPEN, to)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (BillStatus.PAID, rules.BillAlreadyPaid),
        (BillStatus.CANCELLED, rules.BillCancelledAlready),
        (BillStatus.EXPIRED, rules.BillExpiredAlready),
    ],
)
@pytest.mark.parametrize("to", list(BillStatus))
def test_a_settled_bill_never_moves_again(
    status: BillStatus, refusal: type[Conflict], to: BillStatus
) -> None:
    with pytest.raises(refusal):
        rules.check_change(status, to)


def test_a_bill_is_payable_until_just_before_its_end() -> None:
    rules.check_payable(
        BillStatus.OPEN,
        due=28_400,
        paid=28_400,
        expires_at=NOW,
        paid_at=NOW - timedelta(microseconds=1),
    )


@pytest.mark.parametrize("late_us", [0, 1])
def test_a_bill_cannot_be_paid_from_its_end_on(late_us: int) -> None:
    with pytest.raises(rules.BillExpiredAlready):
        rules.check_payable(
            BillStatus.OPEN,
            due=1,
            paid=1,
            expires_at=NOW,
            paid_at=NOW + timedelta(microseconds=late_us),
        )


@given(due=st.integers(1, 10**7), paid=st.integers(0, 10**7))
def test_only_the_exact_amount_pays_a_bill(due: int, paid: int) -> None:
    if due == paid:
        rules.check_payable(BillStatus.OPEN, due=due, paid=paid, expires_at=LATER, paid_at=NOW)
        return
    with pytest.raises(rules.AmountMismatch) as refused:
        rules.check_payable(BillStatus.OPEN, due=due, paid=paid, expires_at=LATER, paid_at=NOW)
    assert refused.value.details == {"due": due, "paid": paid}


def test_an_open_bill_is_shown_as_expired_from_its_end_on() -> None:
    assert rules.shown_status(BillStatus.OPEN, expires_at=LATER, at=NOW) is BillStatus.OPEN
    assert rules.shown_status(BillStatus.OPEN, expires_at=NOW, at=NOW) is BillStatus.EXPIRED
    assert rules.shown_status(BillStatus.PAID, expires_at=NOW, at=LATER) is BillStatus.PAID


def test_a_bill_ends_after_the_hours_of_the_setting_and_no_later_than_its_months_allow() -> None:
    week, month_end = NOW + timedelta(days=7), NOW + timedelta(days=3)

    assert rules.find_end(NOW, valid_h=168, pay_before=week + timedelta(days=1)) == week
    assert rules.find_end(NOW, valid_h=168, pay_before=month_end) == month_end
