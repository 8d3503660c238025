from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perisai_kit.domain.month import MONTH_NAMES, Month, count_months, list_months, write_month

months = st.builds(Month, st.integers(1900, 2100), st.integers(1, 12))
counts = st.integers(-600, 600)


@given(month=months)
def test_a_month_reads_back_what_it_writes(month: Month) -> None:
    assert Month.parse(str(month)) == month


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-1", "2026-13", "2026-00", "0000-01", "2026-11-01", " 2026-11", "2026-11\n",
     "２０２６-１１"],
)  # fmt: skip
def test_anything_but_a_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text)


@given(month=months, count=counts)
def test_adding_and_counting_are_inverse(month: Month, count: int) -> None:
    assert count_months(month, month.plus(count)) == count


@given(first=months, second=months)
def test_order_is_the_order_of_the_calendar(first: Month, second: Month) -> None:
    assert (first < second) == (first.first_day < second.first_day)
    assert (first < second) == (str(first) < str(second))


@given(month=months)
def test_a_month_ends_the_day_before_the_next_begins(month: Month) -> None:
    assert (month.plus(1).first_day - month.last_day).days == 1
    assert Month.of(month.first_day) == Month.of(month.last_day) == month


def test_adding_crosses_the_year() -> None:
    assert Month(2026, 11).plus(2) == Month(2027, 1)
    assert Month(2026, 1).plus(-1) == Month(2025, 12)


def test_february_ends_on_the_29th_in_a_leap_year() -> None:
    assert Month(2028, 2).last_day == date(2028, 2, 29)
    assert Month(9999, 12).last_day == date(9999, 12, 31)


def test_a_month_contains_its_days() -> None:
    assert date(2026, 11, 30) in Month(2026, 11)
    assert date(2026, 12, 1) not in Month(2026, 11)


def test_a_span_counts_consecutive_months() -> None:
    assert [str(month) for month in list_months(Month(2026, 11), 3)] == [
        "2026-11",
        "2026-12",
        "2027-01",
    ]
    assert list_months(Month(2026, 11), 0) == ()


def test_leaving_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="9999-12"):
        Month(9999, 12).plus(1)


def test_a_month_is_written_in_both_languages() -> None:
    assert write_month(Month(2026, 12), "id") == "Desember 2026"
    assert write_month(Month(2026, 1), "en") == "January 2026"
    assert [len(names) for names in MONTH_NAMES.values()] == [12, 12]
