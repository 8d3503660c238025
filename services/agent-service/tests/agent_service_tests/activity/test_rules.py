from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_service.activity import rules
from agent_service.activity.rules import Counts, LackingActivity, Policy
from perisai_kit.domain.month import Month

# docs/domain.md, Deactivation: three months without new members and without contributions (S5).
BOTH = Policy(window_months=3, lacking=LackingActivity.BOTH)
EITHER = Policy(window_months=3, lacking=LackingActivity.EITHER)
TODAY = date(2026, 11, 22)
LONG_AGO = date(2025, 1, 1)
AUG, SEP, OCT, NOV = (Month(2026, month) for month in (8, 9, 10, 11))


def inactive(counts: dict[Month, Counts], *, policy: Policy = BOTH, since: date = LONG_AGO) -> bool:
    return rules.judge(counts, in_office_since=since, today=TODAY, policy=policy).inactive


def test_the_window_is_the_full_months_before_this_one() -> None:
    assert rules.find_window(TODAY, 3) == (AUG, SEP, OCT)
    assert rules.find_window(date(2026, 1, 1), 3) == tuple(
        Month(2025, month) for month in (10, 11, 12)
    )


def test_three_empty_months_make_an_agent_inactive() -> None:
    assert inactive({})


def test_work_of_this_month_does_not_count_yet() -> None:
    assert inactive({NOV: Counts(acquisitions=9, contributions=9)})


@pytest.mark.parametrize("month", [AUG, SEP, OCT])
@pytest.mark.parametrize("counts", [Counts(acquisitions=1), Counts(contributions=1)])
def test_one_new_member_or_one_payment_keeps_an_agent(month: Month, counts: Counts) -> None:
    assert not inactive({month: counts})


@pytest.mark.parametrize("counts", [Counts(acquisitions=1), Counts(contributions=1)])
def test_under_the_either_policy_an_agent_needs_both(counts: Counts) -> None:
    assert inactive({SEP: counts}, policy=EITHER)
    assert not inactive({SEP: Counts(1, 1)}, policy=EITHER)


@pytest.mark.parametrize(
    ("since", "expected"), [(date(2026, 8, 1), True), (date(2026, 8, 2), False)]
)
def test_an_agent_must_have_been_in_office_for_the_whole_window(
    since: date, expected: bool
) -> None:
    verdict = rules.judge({}, in_office_since=since, today=TODAY, policy=BOTH)

    assert (verdict.complete, verdict.inactive) == (expected, expected)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=3),
    st.dates(date(2026, 1, 1), TODAY),
)
def test_an_agent_who_lacks_both_also_lacks_either(
    months: list[tuple[int, int]], since: date
) -> None:
    counts = {month: Counts(*each) for month, each in zip((AUG, SEP, OCT), months, strict=True)}

    if inactive(counts, since=since):
        assert inactive(counts, policy=EITHER, since=since)
