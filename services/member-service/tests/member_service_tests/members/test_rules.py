from datetime import date

import pytest

from member_service.members import rules
from member_service.members.rules import Limits, RegistrationState, Standing
from member_service.registrations.rules import EndReason
from perisai_kit.domain.errors import DomainError, Invalid
from perisai_kit.domain.month import Month, list_months
from perisai_kit.domain.programmes import Programme

LIMITS = Limits(
    min_age=15,
    min_declared_income=1_000_000,
    members_per_phone=50,
    members_per_phone_and_agent=30,
    shared_phone_from=6,
    known_niks_a_day=100,
)
TODAY = date(2026, 11, 22)
ALL = [Programme.JKK, Programme.JKM, Programme.JHT]


def codes(problems: list[Invalid]) -> list[str]:
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("born", "problem"),
    [
        (date(2011, 11, 22), None),
        (date(2011, 11, 23), rules.AgeUnderMinimum),
        (date(1961, 11, 23), None),
        (date(1961, 11, 22), rules.AgeOverLimit),
        (date(2026, 11, 23), rules.BirthDateInFuture),
    ],
)
def test_members_are_registered_from_15_until_the_day_before_they_are_65(
    born: date, problem: type[DomainError] | None
) -> None:
    found = rules.find_age_problem(born, limits=LIMITS, on=TODAY)

    assert (type(found) if found else None) is problem


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, []),
        ({"declared_income": 999_999}, ["income_below_minimum"]),
        ({"programmes": [Programme.JKK]}, ["mandatory_programme_missing"]),
        ({"programmes": ALL[:2]}, []),
        ({"programmes": ALL[:2], "employs_others": True}, ["jht_mandatory"]),
        ({"occupations": []}, ["occupations_invalid"]),
        ({"occupations": ["fisher", "fisher"]}, ["occupations_invalid"]),
        ({"occupations": ["fisher", "driver", "cook"]}, ["occupations_invalid"]),
        ({"occupations": ["fisher", "astronaut"]}, ["occupation_unknown"]),
    ],
)
def test_the_facts_of_a_contribution_are_checked(
    stated: dict[str, object], expected: list[str]
) -> None:
    usual: dict[str, object] = {
        "declared_income": 1_000_000,
        "programmes": ALL,
        "employs_others": False,
        "occupations": ["fisher"],
    }

    found = rules.find_contribution_problems(**{**usual, **stated}, limits=LIMITS)  # type: ignore[arg-type]  # the table's values have many types

    assert codes(found) == expected


def test_each_programme_is_kept_once_in_the_order_of_the_law() -> None:
    assert (
        rules.sort_programmes([Programme.JHT, Programme.JKM, Programme.JKM, Programme.JKK]) == ALL
    )


def make_state(reason: EndReason) -> RegistrationState:
    first_unpaid = Month(2024, 4)
    return RegistrationState(
        Month(2024, 3), first_unpaid, date(2024, 7, 1), reason, list_months(first_unpaid, 3)
    )


@pytest.mark.parametrize(
    ("on", "last_due", "expected"),
    [
        (date(2024, 4, 16), Month(2024, 3), Standing.ACTIVE),
        (date(2024, 4, 17), Month(2024, 4), Standing.GRACE),
        (date(2024, 6, 30), Month(2024, 6), Standing.GRACE),
        (date(2024, 7, 1), Month(2024, 6), Standing.LAPSED),
    ],
)
def test_a_standing_follows_from_the_stored_state_of_a_registration(
    on: date, last_due: Month, expected: Standing
) -> None:
    state = make_state(EndReason.LAPSED)

    assert rules.find_standing(state, on=on, last_due=last_due) is expected


def test_a_registration_that_did_not_lapse_has_ended() -> None:
    state = make_state(EndReason.DEATH)

    found = rules.find_standing(state, on=date(2024, 7, 1), last_due=Month(2024, 6))

    assert found is Standing.ENDED


def test_without_a_payment_a_member_is_registered_and_unpaid() -> None:
    found = rules.find_standing(None, on=TODAY, last_due=Month(2026, 11))

    assert found is Standing.REGISTERED_UNPAID
