"""What may be disputed, by when it is answered, and once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

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
from perisai_kit.domain.month import Month

AT = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)


LINE, MONTH, PAYMENT = 4711, Month(2026, 11), uuid4()


@pytest.mark.parametrize("subject", [(LINE, MONTH, None), (None, None, PAYMENT)])
def test_a_line_with_its_month_or_a_payment_is_disputed(
    subject: tuple[int | None, Month | None, UUID | None],
) -> None:
    check_subject(*subject)


@pytest.mark.parametrize(
    ("subject", "fields"),
    [
        ((None, None, None), ["line_id", "payment_id"]),
        ((None, MONTH, None), ["line_id", "payment_id"]),
        ((LINE, MONTH, PAYMENT), ["line_id", "payment_id"]),
        ((LINE, None, None), ["earned_month"]),
        ((None, MONTH, PAYMENT), ["earned_month"]),
    ],
)
def test_nothing_else_is(
    subject: tuple[int | None, Month | None, UUID | None], fields: list[str]
) -> None:
    with pytest.raises(DisputeUnclear) as refused:
        check_subject(*subject)

    assert [each.field for each in (refused.value, *refused.value.others)] == fields


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
