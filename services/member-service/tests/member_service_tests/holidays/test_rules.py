"""Due days of contributions."""

from datetime import date

import pytest

from member_service.holidays.rules import (
    Correction,
    HolidayKind,
    Holidays,
    due_on,
    last_month_due,
)
from perisai_kit.domain.month import Month

OFF = Holidays({}, joint_leave=True)


@pytest.mark.parametrize(
    ("month", "due"),
    [
        (Month(2026, 7), date(2026, 7, 15)),
        (Month(2024, 6), date(2024, 6, 19)),  # Saturday, Sunday, Eid al-Adha and its joint leave
        (Month(2026, 8), date(2026, 8, 18)),  # Saturday, Sunday, Independence Day
        (Month(2026, 11), date(2026, 11, 16)),  # Sunday
    ],
)
def test_a_month_is_due_on_its_15th_or_on_the_next_working_day(month: Month, due: date) -> None:
    assert due_on(month, OFF) == due


def test_joint_leave_counts_only_if_it_is_set_to() -> None:
    day = date(2026, 5, 15)

    assert OFF.find(day) is not None
    assert due_on(Month(2026, 5), OFF) == date(2026, 5, 18)
    assert due_on(Month(2026, 5), Holidays({}, joint_leave=False)) == day


def test_an_officer_sets_and_removes_holidays() -> None:
    corrected = Holidays(
        {
            date(2026, 7, 15): Correction(is_holiday=True, name="Cuti bersama tambahan"),
            date(2026, 8, 17): Correction(is_holiday=False, name="Dipindah"),
        },
        joint_leave=True,
    )

    assert due_on(Month(2026, 7), corrected) == date(2026, 7, 16)
    assert due_on(Month(2026, 8), corrected) == date(2026, 8, 17)


def test_the_last_month_due_is_the_present_one_from_the_day_after_its_due_day() -> None:
    assert last_month_due(date(2026, 8, 18), OFF) == Month(2026, 7)
    assert last_month_due(date(2026, 8, 19), OFF) == Month(2026, 8)


def test_the_holidays_of_a_year_are_listed_with_their_kind() -> None:
    found = {each.day: each for each in OFF.list_year(2026)}

    assert found[date(2026, 8, 17)].kind is HolidayKind.PUBLIC
    assert found[date(2026, 12, 24)].kind is HolidayKind.JOINT_LEAVE
    assert list(found) == sorted(found)
