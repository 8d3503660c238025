"""What two schemes come to in the same months."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.rules import Balance
from payment_service.scheme_comparisons.rules import (
    Amounts,
    MonthFigures,
    MonthNotClosed,
    Parts,
    check_closed,
    compare,
    months_between,
)
from perisai_kit.domain.month import Month

JANUARY = Month(2026, 1)
YEAR = months_between(JANUARY, Month(2026, 12))
AGENT = UUID(int=1)


@pytest.mark.parametrize(
    ("closed_through", "closing"),
    [(None, None), (Month(2025, 12), None), (JANUARY, JANUARY)],
)
def test_a_month_without_all_its_statements_is_refused(
    closed_through: Month | None, closing: Month | None
) -> None:
    with pytest.raises(MonthNotClosed):
        check_closed(JANUARY, closed_through=closed_through, closing=closing)


def test_a_closed_month_can_be_compared_while_the_next_is_being_closed() -> None:
    check_closed(JANUARY, closed_through=JANUARY, closing=None)
    check_closed(JANUARY, closed_through=Month(2026, 2), closing=Month(2026, 2))


def test_rests_below_a_rupiah_are_carried_from_month_to_month_on_both_sides() -> None:
    parts = {month: Parts(actual=4_000, would_be=6_000) for month in YEAR[:3]}

    found = compare(Balance(total_parts=10_000 * 7 + 3_000), YEAR[:3], parts)

    assert [(each.actual, each.would_be) for each in found.values()] == [(0, 0), (1, 1), (0, 1)]


@given(
    brought=st.integers(0, 9_999),
    earned=st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), max_size=12),
)
def test_all_months_come_to_what_their_sum_would(
    brought: int, earned: list[tuple[int, int]]
) -> None:
    months = YEAR[: len(earned)]
    parts = {month: Parts(*both) for month, both in zip(months, earned, strict=True)}

    total = sum(compare(Balance(brought), months, parts).values(), Amounts())

    assert total.actual == (brought + sum(actual for actual, _ in earned)) // 10_000
    assert total.would_be == (brought + sum(would_be for _, would_be in earned)) // 10_000


def test_figures_are_read_as_they_were_stored() -> None:
    figures = MonthFigures(JANUARY).plus(BeneficiaryKind.AGENT, Amounts(10, 7))
    figures = figures.plus(BeneficiaryKind.WADAH, Amounts(1, 2))

    read = MonthFigures.of_stored(figures.as_stored())

    assert read == figures
    assert (read.agents.difference, read.wadahs.difference) == (-3, 1)
