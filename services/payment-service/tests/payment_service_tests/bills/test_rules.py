from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.bills import rules
from payment_service.bills.rules import BillStatus
from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.month import Month, list_months

NOW = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
PRESENT = Month(2026, 11)
LONG_AGO = Month(2023, 1)


def check_months(
    first: Month,
    count: int = 1,
    *,
    registered: Month = LONG_AGO,
    status: str = "active",
) -> None:
    rules.check_months(
        list_months(first, count),
        present=PRESENT,
        registered=registered,
        member_status=status,
        advance_months=12,
    )


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


@pytest.mark.parametrize("late_s", [-60, 0])
def test_a_bill_is_payable_until_its_last_instant(late_s: int) -> None:
    rules.check_payable(
        BillStatus.OPEN,
        due=28_400,
        paid=28_400,
        expires_at=NOW,
        paid_at=NOW + timedelta(seconds=late_s),
    )


def test_a_bill_paid_after_its_end_is_refused() -> None:
    with pytest.raises(rules.BillExpiredAlready):
        rules.check_payable(
            BillStatus.OPEN,
            due=1,
            paid=1,
            expires_at=NOW,
            paid_at=NOW + timedelta(microseconds=1),
        )


@given(due=st.integers(1, 10**7), paid=st.integers(0, 10**7))
def test_only_the_exact_amount_pays_a_bill(due: int, paid: int) -> None:
    if due == paid:
        rules.check_payable(BillStatus.OPEN, due=due, paid=paid, expires_at=NOW, paid_at=NOW)
        return
    with pytest.raises(rules.AmountMismatch) as refused:
        rules.check_payable(BillStatus.OPEN, due=due, paid=paid, expires_at=NOW, paid_at=NOW)
    assert refused.value.details == {"due": due, "paid": paid}


def test_an_open_bill_past_its_end_is_shown_as_expired() -> None:
    later = NOW + timedelta(seconds=1)

    assert rules.shown_status(BillStatus.OPEN, expires_at=NOW, at=NOW) is BillStatus.OPEN
    assert rules.shown_status(BillStatus.OPEN, expires_at=NOW, at=later) is BillStatus.EXPIRED
    assert rules.shown_status(BillStatus.PAID, expires_at=NOW, at=later) is BillStatus.PAID


def test_a_bill_lives_for_the_hours_of_the_setting() -> None:
    assert rules.expires_at(NOW, valid_h=168) == NOW + timedelta(days=7)


@pytest.mark.parametrize("first", [Month(2026, 8), Month(2026, 11), Month(2027, 11)])
def test_three_months_of_arrears_and_a_year_ahead_can_be_billed(first: Month) -> None:
    check_months(first)


@pytest.mark.parametrize(
    ("first", "count"),
    [(Month(2026, 7), 1), (Month(2026, 7), 12), (Month(2027, 12), 1), (Month(2027, 1), 12)],
)
def test_older_arrears_and_a_more_distant_future_cannot_be_billed(first: Month, count: int) -> None:
    with pytest.raises(rules.MonthNotBillable) as refused:
        check_months(first, count)

    assert refused.value.details == {"earliest": "2026-08", "latest": "2027-11"}


def test_months_before_the_registration_cannot_be_billed() -> None:
    check_months(Month(2026, 10), registered=Month(2026, 10))

    with pytest.raises(rules.MonthNotBillable):
        check_months(Month(2026, 9), registered=Month(2026, 10))


def test_a_lapsed_member_comes_back_without_arrears() -> None:
    check_months(Month(2026, 11), status="lapsed")

    with pytest.raises(rules.MonthNotBillable):
        check_months(Month(2026, 10), status="lapsed")
