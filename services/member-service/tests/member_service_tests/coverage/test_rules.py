from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_service.coverage import rules
from member_service.coverage.rules import PaidMonth
from member_service.members.rules import MemberStatus, Standing, status
from perisai_kit.domain.month import Month

MARCH = Month(2024, 3)


def paid(*months: str, on: date) -> list[PaidMonth]:
    return [PaidMonth(Month.parse(month), on) for month in months]


def months(*texts: str) -> tuple[Month, ...]:
    return tuple(Month.parse(text) for text in texts)


def test_nobody_is_covered_who_has_not_paid() -> None:
    state = rules.coverage([], on=date(2024, 3, 10))

    assert state.status is MemberStatus.REGISTERED_UNPAID
    assert not state.covered_today
    assert not state.covered_if_arrears_paid


def test_the_first_payment_protects_from_its_own_day() -> None:
    first = paid("2024-03", on=date(2024, 3, 20))

    assert not rules.coverage(first, on=date(2024, 3, 19)).covered_today
    assert rules.coverage(first, on=date(2024, 3, 20)).covered_today
    assert rules.coverage(first, on=date(2024, 3, 31)).covered_today


def test_paying_next_months_contribution_first_protects_only_from_next_month() -> None:
    ahead = paid("2024-04", on=date(2024, 3, 20))

    assert not rules.coverage(ahead, on=date(2024, 3, 25)).covered_today
    assert rules.coverage(ahead, on=date(2024, 4, 1)).covered_today


@pytest.mark.parametrize(
    ("on", "expected", "unpaid"),
    [
        (date(2024, 3, 31), MemberStatus.ACTIVE, ()),
        (date(2024, 4, 15), MemberStatus.ACTIVE, ()),
        (date(2024, 4, 16), MemberStatus.GRACE, ("2024-04",)),
        (date(2024, 5, 31), MemberStatus.GRACE, ("2024-04", "2024-05")),
        (date(2024, 6, 30), MemberStatus.GRACE, ("2024-04", "2024-05")),
        (date(2024, 7, 1), MemberStatus.LAPSED, ("2024-04", "2024-05")),
    ],
)
def test_the_case_of_serang_paid_march_and_missed_april_to_june(
    on: date, expected: MemberStatus, unpaid: Sequence[str]
) -> None:
    # 15 June 2024 is a Saturday, so June falls due on Monday the 17th.
    once = paid("2024-03", on=date(2024, 3, 4))

    state = rules.coverage(once, on=on)

    assert state.status is expected
    due = months(*unpaid) + (months("2024-06") if on > date(2024, 6, 17) else ())
    assert state.unpaid_months == due


def test_paying_again_after_a_lapse_registers_anew_and_the_waiting_begins_again() -> None:
    history = [
        *paid("2024-01", on=date(2024, 1, 5)),
        *paid("2024-02", on=date(2024, 2, 5)),
        *paid("2024-03", on=date(2024, 3, 4)),
        *paid("2024-07", on=date(2024, 7, 9)),
    ]

    before = rules.coverage(history[:3], on=date(2024, 3, 10))
    again = rules.coverage(history, on=date(2024, 7, 10))

    assert before.jkm_full_benefit
    assert again.status is MemberStatus.ACTIVE
    assert again.registered_on == date(2024, 7, 9)
    assert again.covered_from == date(2024, 7, 9)
    assert (again.consecutive_months, again.jkm_full_benefit) == (1, False)
    assert again.jkm_benefit == 10_000_000
    assert again.unpaid_months == ()


def test_arrears_paid_within_the_grace_keep_the_registration() -> None:
    history = [
        *paid("2024-03", on=date(2024, 3, 4)),
        *paid("2024-04", "2024-05", "2024-06", on=date(2024, 6, 29)),
    ]

    state = rules.coverage(history, on=date(2024, 6, 30))

    assert state.registered_on == date(2024, 3, 4)
    assert state.covered_today
    assert state.consecutive_months == 4
    assert state.jkm_benefit == 42_000_000


def test_old_arrears_paid_after_a_lapse_do_not_revive_the_registration() -> None:
    history = [
        *paid("2024-03", on=date(2024, 3, 4)),
        *paid("2024-04", on=date(2024, 8, 1)),
    ]

    state = rules.coverage(history, on=date(2024, 8, 1))

    assert not state.covered_today
    assert state.registered_on == date(2024, 8, 1)


def test_months_paid_ahead_count_after_a_return() -> None:
    history = [
        *paid("2024-01", "2024-09", on=date(2024, 1, 5)),
        *paid("2024-07", "2024-08", on=date(2024, 7, 5)),
    ]

    state = rules.coverage(history, on=date(2024, 9, 3))

    assert state.covered_today
    assert state.paid_through == Month(2024, 9)


def test_a_gap_is_arrears_even_when_a_later_month_is_paid() -> None:
    history = paid("2024-03", "2024-05", on=date(2024, 3, 4))

    state = rules.coverage(history, on=date(2024, 5, 20))

    assert state.status is MemberStatus.GRACE
    assert state.covered_today
    assert state.unpaid_months == months("2024-04")


def test_months_paid_ahead_do_not_shorten_the_waiting() -> None:
    history = paid("2024-03", "2024-04", "2024-05", on=date(2024, 3, 4))

    assert not rules.coverage(history, on=date(2024, 4, 30)).jkm_full_benefit
    assert rules.coverage(history, on=date(2024, 5, 1)).jkm_full_benefit


def test_several_old_months_in_the_first_payment_are_one_registration() -> None:
    history = paid("2024-01", "2024-02", "2024-03", "2024-04", "2024-05", on=date(2024, 7, 10))

    assert len(rules.spells(history)) == 1


@pytest.mark.parametrize(
    ("month", "due"),
    [
        (Month(2024, 5), date(2024, 5, 15)),
        (Month(2024, 6), date(2024, 6, 17)),
        (Month(2024, 9), date(2024, 9, 16)),
    ],
)
def test_a_month_falls_due_on_its_15th_or_on_the_monday_after_a_weekend(
    month: Month, due: date
) -> None:
    assert rules.due_on(month) == due


def test_after_a_lapse_nothing_falls_due() -> None:
    state = rules.coverage(paid("2024-03", on=date(2024, 3, 4)), on=date(2024, 9, 1))

    assert state.next_due_on is None
    assert not state.covered_if_arrears_paid


paid_months = st.lists(
    st.builds(
        lambda offset, days: PaidMonth(MARCH.plus(offset), date(2024, 3, 1) + timedelta(days)),
        st.integers(0, 30),
        st.integers(0, 900),
    ),
    min_size=1,
    max_size=15,
    unique_by=lambda each: each.month,
)


@given(paid_months)
def test_a_membership_is_in_arrears_before_it_ends(history: list[PaidMonth]) -> None:
    standing = rules.standing(history)

    assert standing is not None
    assert standing.grace_from < standing.lapses_on


@given(paid_months, st.integers(0, 1200))
def test_whoever_is_covered_has_paid_that_month(history: list[PaidMonth], days: int) -> None:
    on = date(2024, 3, 1) + timedelta(days)

    state = rules.coverage(history, on=on)

    assert not (state.covered_today and state.covered_if_arrears_paid)
    if state.covered_today:
        assert Month.of(on) in {each.month for each in history}


@given(paid_months, st.integers(0, 1200))
def test_the_stored_standing_tells_the_same_as_the_whole_history(
    history: list[PaidMonth], days: int
) -> None:
    on = max(each.paid_on for each in history) + timedelta(days)

    standing = rules.standing(history)

    assert status(standing, on=on) is rules.coverage(history, on=on).status


@given(paid_months)
def test_the_order_in_which_payments_are_listed_does_not_matter(history: list[PaidMonth]) -> None:
    assert rules.spells(history) == rules.spells(history[::-1])


def test_a_standing_without_payments_is_none() -> None:
    assert rules.standing([]) is None
    assert isinstance(rules.standing(paid("2024-03", on=date(2024, 3, 4))), Standing)
