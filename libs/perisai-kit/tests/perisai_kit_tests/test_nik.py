from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perisai_kit.domain.nik import (
    BIRTH_DATE_DIFFERS,
    REGION_UNKNOWN,
    NikInvalid,
    compute_age,
    parse_nik,
)
from perisai_kit.domain.regions import is_known_region

TODAY = date(2026, 11, 22)


def nik(
    *,
    region: str = "351011",
    day: str = "17",
    month: str = "08",
    year: str = "85",
    no: str = "0001",
) -> str:
    return region + day + month + year + no


def test_a_mans_nik_says_birth_date_sex_and_region() -> None:
    parsed = parse_nik(nik(), today=TODAY)

    assert parsed.birth_date == date(1985, 8, 17)
    assert parsed.sex == "male"
    assert parsed.region_code == "351011"
    assert parsed.warnings == ()


def test_a_womans_day_of_birth_is_written_plus_forty() -> None:
    parsed = parse_nik(nik(day="71", month="12", year="99"), today=TODAY)

    assert parsed.birth_date == date(1999, 12, 31)
    assert parsed.sex == "female"


@pytest.mark.parametrize(
    "text",
    ["", nik()[:15], nik() + "1", nik()[:-1] + "x", " " + nik(), nik() + "\n", nik()[:-1] + "１"],
)
def test_anything_but_sixteen_digits_is_refused(text: str) -> None:
    with pytest.raises(NikInvalid) as refused:
        parse_nik(text, today=TODAY)

    assert refused.value.details == {"reason": "length"}
    assert refused.value.field == "nik"


@pytest.mark.parametrize("day", ["00", "32", "40", "72", "99"])
def test_a_day_that_no_month_has_is_refused(day: str) -> None:
    with pytest.raises(NikInvalid) as refused:
        parse_nik(nik(day=day), today=TODAY)

    assert refused.value.details == {"reason": "day"}


@pytest.mark.parametrize(
    ("day", "month", "year"),
    [("31", "04", "85"), ("71", "06", "85"), ("29", "02", "85"), ("01", "00", "85"),
     ("01", "13", "85")],
)  # fmt: skip
def test_a_date_that_never_was_is_refused(day: str, month: str, year: str) -> None:
    with pytest.raises(NikInvalid) as refused:
        parse_nik(nik(day=day, month=month, year=year), today=TODAY)

    assert refused.value.details == {"reason": "date"}


def test_a_leap_day_of_2000_is_read_although_1900_had_none() -> None:
    assert parse_nik(nik(day="29", month="02", year="00"), today=TODAY).birth_date.year == 2000


def test_serial_zero_is_refused() -> None:
    with pytest.raises(NikInvalid) as refused:
        parse_nik(nik(no="0000"), today=TODAY)

    assert refused.value.details == {"reason": "serial"}


@pytest.mark.parametrize(
    ("year", "born"),
    [("05", 2005), ("25", 2025), ("27", 1927), ("99", 1999), ("00", 2000)],
)
def test_the_century_gives_an_age_of_0_to_100(year: str, born: int) -> None:
    assert parse_nik(nik(year=year), today=TODAY).birth_date.year == born


def test_a_day_still_to_come_this_year_belongs_to_the_last_century() -> None:
    parsed = parse_nik(nik(day="23", month="11", year="26"), today=TODAY)

    assert parsed.birth_date == date(1926, 11, 23)


@pytest.mark.parametrize(
    ("stated", "born", "warnings"),
    [
        (date(1926, 11, 22), 1926, ()),
        (date(2026, 11, 22), 2026, ()),
        (date(1926, 11, 20), 1926, (BIRTH_DATE_DIFFERS,)),
        (None, 2026, ()),
    ],
)
def test_where_both_centuries_fit_the_stated_birth_date_decides(
    stated: date | None, born: int, warnings: tuple[str, ...]
) -> None:
    parsed = parse_nik(nik(day="22", month="11", year="26"), today=TODAY, stated_birth_date=stated)

    assert parsed.birth_date.year == born
    assert parsed.warnings == warnings


def test_another_stated_birth_date_and_an_unknown_region_are_only_warnings() -> None:
    parsed = parse_nik(
        nik(region="999999"),
        today=TODAY,
        stated_birth_date=date(1985, 8, 18),
        known_region=is_known_region,
    )

    assert parsed.warnings == (REGION_UNKNOWN, BIRTH_DATE_DIFFERS)


@pytest.mark.parametrize("region", ["650101", "930101", "960101", "351001"])
def test_young_provinces_are_known(region: str) -> None:
    parsed = parse_nik(nik(region=region), today=TODAY, known_region=is_known_region)

    assert parsed.warnings == ()


def test_neither_repr_nor_error_shows_the_number() -> None:
    parsed = parse_nik(nik(), today=TODAY)
    with pytest.raises(NikInvalid) as refused:
        parse_nik(nik(no="0000"), today=TODAY)

    assert nik() not in repr(parsed)
    assert "351011" not in f"{refused.value} {refused.value.details}"


@given(
    birth=st.dates(min_value=TODAY - timedelta(days=99 * 365), max_value=TODAY),
    female=st.booleans(),
    serial=st.integers(1, 9999),
)
def test_every_birth_of_the_last_99_years_is_read_back(
    birth: date, female: bool, serial: int
) -> None:
    day = birth.day + (40 if female else 0)
    text = f"351011{day:02}{birth:%m%y}{serial:04}"

    parsed = parse_nik(text, today=TODAY, stated_birth_date=birth)

    assert parsed.birth_date == birth
    assert parsed.sex == ("female" if female else "male")
    assert parsed.warnings == ()


@given(text=st.text(alphabet="0123456789", min_size=16, max_size=16))
def test_any_sixteen_digits_are_refused_or_give_an_age_of_0_to_100(text: str) -> None:
    try:
        parsed = parse_nik(text, today=TODAY)
    except NikInvalid:
        return
    assert 0 <= compute_age(parsed.birth_date, TODAY) <= 100


def test_a_leap_day_child_is_a_year_older_on_the_first_of_march() -> None:
    assert compute_age(date(2004, 2, 29), date(2025, 2, 28)) == 20
    assert compute_age(date(2004, 2, 29), date(2025, 3, 1)) == 21
