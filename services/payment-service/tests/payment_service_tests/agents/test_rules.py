from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.agents.rules import Decision, is_at_work
from perisai_kit.domain.jakarta import JAKARTA, jakarta_date

DAY = date(2026, 3, 10)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=JAKARTA)


@pytest.mark.parametrize(
    ("decisions", "was_at_work"),
    [
        ([], False),
        ([Decision(at(9), True)], True),
        ([Decision(at(10, 23), True)], True),
        ([Decision(at(11, 0), True)], False),
        ([Decision(at(1), True), Decision(at(9, 23), False)], False),
        ([Decision(at(1), True), Decision(at(10, 0), False)], True),
        ([Decision(at(1), True), Decision(at(2), False), Decision(at(10, 23), True)], True),
        # Put to work and sent away on the same day.
        ([Decision(at(10, 9), True), Decision(at(10, 15), False)], True),
        ([Decision(at(9, 9), True), Decision(at(9, 15), False)], False),
        ([Decision(at(9, 9), False), Decision(at(9, 15), True)], True),
        ([Decision(at(9, 9), True), Decision(at(9, 9), False)], False),
    ],
)
def test_the_day_of_a_suspension_and_of_a_reinstatement_both_count(
    decisions: list[Decision], was_at_work: bool
) -> None:
    assert is_at_work(decisions, DAY) is was_at_work
    assert is_at_work(reversed(decisions), DAY) is was_at_work


@given(
    decided=st.lists(st.tuples(st.integers(0, 30 * 24), st.booleans()), max_size=6),
    late=st.tuples(st.integers(0, 30 * 24), st.booleans()),
)
def test_a_decision_changes_no_day_before_the_one_it_says(
    decided: list[tuple[int, bool]], late: tuple[int, bool]
) -> None:
    def decision(drawn: tuple[int, bool]) -> Decision:
        return Decision(at(1, 0) + timedelta(hours=drawn[0]), drawn[1])

    known, added = [decision(each) for each in decided], decision(late)
    first = jakarta_date(added.changes_from)
    before = [first - timedelta(days=ahead) for ahead in range(1, 40)]

    assert [is_at_work(known, day) for day in before] == [
        is_at_work([*known, added], day) for day in before
    ]
