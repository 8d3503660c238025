from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from payment_service.bills import rules
from payment_service.bills.rules import BillStatus
from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.month import Month

NOW = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
NOVEMBER = Month(2026, 11)
EARLIER = timedelta(microseconds=1)

WITHDRAWN = [(BillStatus.REPLACED, rules.BillReplaced), (BillStatus.VOID, rules.BillVoid)]
LATE_WORDS = [*WITHDRAWN, (BillStatus.ENDED, rules.BillEnded)]
REFUSALS = [(BillStatus.PAID, rules.BillAlreadyPaid), *LATE_WORDS]


@dataclass(frozen=True)
class AskedBill:
    status: BillStatus = BillStatus.OPEN
    expires_at: datetime = LATER
    withdrawn_at: datetime | None = None
    months: frozenset[Month] = frozenset({NOVEMBER})


def closed(status: BillStatus) -> AskedBill:
    """Return a bill that is not open any more since NOW."""
    if status is BillStatus.ENDED:
        return AskedBill(status, expires_at=NOW)
    return AskedBill(status, withdrawn_at=NOW)


def test_an_open_bill_can_be_changed() -> None:
    rules.check_open(BillStatus.OPEN)


@pytest.mark.parametrize(("status", "refusal"), REFUSALS)
def test_a_bill_that_is_not_open_any_more_is_never_withdrawn(
    status: BillStatus, refusal: type[Conflict]
) -> None:
    with pytest.raises(refusal):
        rules.check_open(status)


def test_a_bill_is_payable_until_just_before_its_end() -> None:
    rules.check_payable(AskedBill(expires_at=NOW), at=NOW - EARLIER)


@pytest.mark.parametrize("late_us", [0, 1])
def test_a_bill_cannot_be_paid_from_its_end_on(late_us: int) -> None:
    with pytest.raises(rules.BillEnded):
        rules.check_payable(AskedBill(expires_at=NOW), at=NOW + timedelta(microseconds=late_us))


def test_a_paid_bill_takes_no_money_whenever_it_was_paid() -> None:
    with pytest.raises(rules.BillAlreadyPaid):
        rules.check_payable(AskedBill(BillStatus.PAID), at=NOW - timedelta(days=1))


@pytest.mark.parametrize(("status", "refusal"), LATE_WORDS)
def test_what_was_paid_before_a_bill_was_closed_counts_and_from_then_on_not(
    status: BillStatus, refusal: type[Conflict]
) -> None:
    bill = closed(status)

    rules.check_payable(bill, at=NOW - EARLIER)
    with pytest.raises(refusal):
        rules.check_payable(bill, at=NOW)


@pytest.mark.parametrize(("status", "refusal"), LATE_WORDS)
def test_a_closed_bill_takes_no_money_if_one_of_its_months_is_paid(
    status: BillStatus, refusal: type[Conflict]
) -> None:
    bill = replace(closed(status), months=frozenset({NOVEMBER, NOVEMBER.plus(1)}))

    rules.check_payable(bill, at=NOW - EARLIER, paid_months={NOVEMBER.plus(2)})
    with pytest.raises(refusal):
        rules.check_payable(bill, at=NOW - EARLIER, paid_months={NOVEMBER.plus(1)})


@pytest.mark.parametrize(("status", "refusal"), WITHDRAWN)
def test_a_withdrawn_bill_takes_nothing_that_was_paid_after_its_own_end(
    status: BillStatus, refusal: type[Conflict]
) -> None:
    with pytest.raises(refusal):
        rules.check_payable(AskedBill(status, expires_at=NOW, withdrawn_at=LATER), at=NOW)


def test_an_open_bill_is_shown_as_ended_from_its_end_on() -> None:
    assert rules.shown_status(BillStatus.OPEN, expires_at=LATER, at=NOW) is BillStatus.OPEN
    assert rules.shown_status(BillStatus.OPEN, expires_at=NOW, at=NOW) is BillStatus.ENDED
    assert rules.shown_status(BillStatus.PAID, expires_at=NOW, at=LATER) is BillStatus.PAID


def test_a_bill_ends_after_the_hours_of_the_setting_and_no_later_than_its_months_allow() -> None:
    week, month_end = NOW + timedelta(days=7), NOW + timedelta(days=3)

    assert rules.find_end(NOW, valid_h=168, pay_before=week + timedelta(days=1)) == week
    assert rules.find_end(NOW, valid_h=168, pay_before=month_end) == month_end
