"""What may be disputed, by when it is answered, and once."""

from datetime import UTC, datetime, timedelta

import pytest

from payment_service.disputes.rules import (
    DisputeClosed,
    DisputeStatus,
    DisputeUnclear,
    check_open,
    check_subject,
    find_due,
    is_overdue,
)

AT = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(("line", "month", "payment"), [(True, True, False), (False, False, True)])
def test_a_line_with_its_month_or_a_payment_is_disputed(
    line: bool, month: bool, payment: bool
) -> None:
    check_subject(has_line=line, has_month=month, has_payment=payment)


@pytest.mark.parametrize(
    ("line", "month", "payment"),
    [
        (False, False, False),
        (True, False, False),
        (False, True, False),
        (True, True, True),
        (False, True, True),
    ],
)
def test_nothing_else_is(line: bool, month: bool, payment: bool) -> None:
    with pytest.raises(DisputeUnclear):
        check_subject(has_line=line, has_month=month, has_payment=payment)


def test_a_dispute_is_overdue_from_the_instant_on_at_which_it_was_due() -> None:
    due_at = find_due(AT, answer_days=14)

    assert due_at == AT + timedelta(days=14)
    before = due_at - timedelta(seconds=1)
    assert not is_overdue(DisputeStatus.OPEN, due_at=due_at, now=before)
    assert is_overdue(DisputeStatus.OPEN, due_at=due_at, now=due_at)
    assert not is_overdue(DisputeStatus.WITHDRAWN, due_at=due_at, now=due_at)


@pytest.mark.parametrize("status", sorted(set(DisputeStatus) - {DisputeStatus.OPEN}))
def test_a_dispute_is_closed_once(status: DisputeStatus) -> None:
    check_open(DisputeStatus.OPEN)
    with pytest.raises(DisputeClosed):
        check_open(status)
