from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_service.agreements import rules
from agent_service.agreements.rules import Period, Schemes, Terms

# docs/domain.md, Becoming a Wadah (S7 2022): new 1 year and 5 agents, old 3 years and 3 agents.
SCHEMES = Schemes(
    new_from=date(2022, 4, 1),
    new=Terms(max_years=1, min_agents=5),
    old=Terms(max_years=3, min_agents=3),
)


@pytest.mark.parametrize(
    ("starts_on", "years", "last_day"),
    [
        (date(2026, 1, 1), 1, date(2026, 12, 31)),
        (date(2026, 3, 1), 1, date(2027, 2, 28)),
        (date(2027, 3, 1), 1, date(2028, 2, 29)),
        (date(2024, 2, 29), 1, date(2025, 2, 28)),
        (date(2024, 2, 29), 4, date(2028, 2, 28)),
        (date(2020, 7, 15), 3, date(2023, 7, 14)),
    ],
)
def test_an_agreement_ends_the_day_before_its_anniversary(
    starts_on: date, years: int, last_day: date
) -> None:
    assert rules.find_last_day_allowed(starts_on, years) == last_day


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(1, 10))
def test_every_agreement_has_a_last_day_within_its_years(starts_on: date, years: int) -> None:
    length = (rules.find_last_day_allowed(starts_on, years) - starts_on).days + 1

    assert 365 * years <= length <= 366 * years


def test_a_new_agreement_runs_a_year_and_not_a_day_longer() -> None:
    starts_on = date(2026, 5, 1)
    rules.check_agreement(Period(starts_on, date(2027, 4, 30)), SCHEMES)

    with pytest.raises(rules.AgreementTooLong) as refused:
        rules.check_agreement(Period(starts_on, date(2027, 5, 1)), SCHEMES, field="x.ends_on")

    assert refused.value.field == "x.ends_on"
    assert refused.value.details == {"max_years": 1, "last_day": "2027-04-30"}


@pytest.mark.parametrize(
    ("starts_on", "max_years"), [(date(2022, 3, 31), 3), (date(2022, 4, 1), 1)]
)
def test_the_scheme_of_the_first_day_decides_the_length(starts_on: date, max_years: int) -> None:
    last_day = rules.find_last_day_allowed(starts_on, max_years)
    rules.check_agreement(Period(starts_on, last_day), SCHEMES)

    with pytest.raises(rules.AgreementTooLong):
        rules.check_agreement(Period(starts_on, last_day + timedelta(days=1)), SCHEMES)


def test_an_agreement_does_not_end_before_it_starts() -> None:
    with pytest.raises(rules.AgreementEndsBeforeStart):
        rules.check_agreement(Period(date(2026, 5, 2), date(2026, 5, 1)), SCHEMES)
