from datetime import date
from itertools import product

import pytest

from payment_service.payout_transfers.rules import (
    IN_FLIGHT,
    SETTLED,
    TRANSITIONS,
    ExecutionDayImpossible,
    ExecutionDayMissing,
    ExecutionDayUnused,
    PayoutTransferStatusConflict,
    TransferStatus,
    check_execution_day,
    check_transition,
    choose_service,
    find_paid_day,
    find_returned_day,
)

SENT, PAID, TODAY = date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 3)

ALLOWED = {
    ("created", "sent"),
    ("created", "failed"),
    ("sent", "paid"),
    ("sent", "failed"),
    ("sent", "unknown"),
    ("sent", "returned"),
    ("unknown", "paid"),
    ("unknown", "failed"),
    ("unknown", "returned"),
    ("failed", "paid"),
    ("paid", "returned"),
}


@pytest.mark.parametrize(("at", "to"), list(product(TransferStatus, repeat=2)))
def test_a_transfer_takes_only_the_allowed_transitions(
    at: TransferStatus, to: TransferStatus
) -> None:
    if at is to or (at, to) == (TransferStatus.RETURNED, TransferStatus.PAID):
        assert not check_transition(at=at, to=to)
    elif (at.value, to.value) in ALLOWED:
        assert check_transition(at=at, to=to)
    else:
        with pytest.raises(PayoutTransferStatusConflict) as refused:
            check_transition(at=at, to=to)
        assert refused.value.details == {"status": at.value, "to": to.value}


def test_every_status_has_its_transitions_and_is_in_flight_or_settled() -> None:
    assert set(TRANSITIONS) == set(TransferStatus)
    assert set(TransferStatus) == IN_FLIGHT | SETTLED
    assert not IN_FLIGHT & SETTLED


def test_what_was_sent_is_never_created_again() -> None:
    assert all(TransferStatus.CREATED not in after for after in TRANSITIONS.values())
    assert TransferStatus.SENT not in TRANSITIONS[TransferStatus.UNKNOWN]


def test_the_same_bank_is_another_service_than_another_bank() -> None:
    assert choose_service(from_bank="014", to_bank="014") == "17"
    assert choose_service(from_bank="014", to_bank="002") == "18"


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        (None, SENT),
        (SENT, SENT),
        (date(2026, 1, 2), date(2026, 1, 2)),
        (TODAY, TODAY),
        (date(2025, 12, 30), SENT),
        (date(2026, 1, 4), TODAY),
    ],
)
def test_a_transfer_is_paid_on_the_banks_day_and_not_outside_of_what_is_possible(
    stated: date | None, day: date
) -> None:
    assert find_paid_day(stated, sent_on=SENT, today=TODAY) == day


@pytest.mark.parametrize(
    ("stated", "day"),
    [(None, TODAY), (date(2026, 1, 2), date(2026, 1, 2)), (SENT, PAID), (date(2026, 1, 9), TODAY)],
)
def test_money_comes_back_on_the_banks_day_and_never_before_it_went(
    stated: date | None, day: date
) -> None:
    assert find_returned_day(stated, paid_on=PAID, today=TODAY) == day


def test_an_officer_gives_a_day_exactly_where_money_was_moved() -> None:
    for day in (SENT, TODAY):
        check_execution_day(day, is_moved=True, sent_on=SENT, today=TODAY)
    check_execution_day(None, is_moved=False, sent_on=SENT, today=TODAY)
    with pytest.raises(ExecutionDayMissing):
        check_execution_day(None, is_moved=True, sent_on=SENT, today=TODAY)
    with pytest.raises(ExecutionDayUnused):
        check_execution_day(TODAY, is_moved=False, sent_on=SENT, today=TODAY)


@pytest.mark.parametrize("day", [date(2025, 12, 30), date(2026, 1, 4)])
def test_an_officers_day_before_the_sending_or_in_the_future_is_refused(day: date) -> None:
    with pytest.raises(ExecutionDayImpossible) as refused:
        check_execution_day(day, is_moved=True, sent_on=SENT, today=TODAY)

    assert refused.value.field == "executed_on"
    assert refused.value.details == {"first": "2025-12-31", "last": "2026-01-03"}
