from datetime import date

import pytest

from member_service.members import rules
from member_service.members.rules import Limits, MemberStatus, Programme, Standing
from perisai_kit.domain.errors import DomainError, Invalid
from perisai_kit.domain.month import Month

LIMITS = Limits(min_age=15, min_declared_income=1_000_000)
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
    found = rules.age_problem(born, limits=LIMITS, on=TODAY)

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
def test_what_a_contribution_is_computed_from_is_checked(
    stated: dict[str, object], expected: list[str]
) -> None:
    usual: dict[str, object] = {
        "declared_income": 1_000_000,
        "programmes": ALL,
        "employs_others": False,
        "occupations": ["fisher"],
    }

    found = rules.contribution_problems(**{**usual, **stated}, limits=LIMITS)  # type: ignore[arg-type]  # the table's values have many types

    assert codes(found) == expected


def test_programmes_are_kept_once_each_in_the_order_of_the_law() -> None:
    assert rules.in_order([Programme.JHT, Programme.JKM, Programme.JKM, Programme.JKK]) == ALL


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2024, 4, 15), MemberStatus.ACTIVE),
        (date(2024, 4, 16), MemberStatus.GRACE),
        (date(2024, 6, 30), MemberStatus.GRACE),
        (date(2024, 7, 1), MemberStatus.LAPSED),
    ],
)
def test_the_state_of_a_membership_follows_from_its_dates(on: date, expected: MemberStatus) -> None:
    standing = Standing(Month(2024, 3), grace_from=date(2024, 4, 16), lapses_on=date(2024, 7, 1))

    assert rules.status(standing, on=on) is expected


def test_without_a_payment_a_member_is_registered_and_unpaid() -> None:
    assert rules.status(None, on=TODAY) is MemberStatus.REGISTERED_UNPAID
