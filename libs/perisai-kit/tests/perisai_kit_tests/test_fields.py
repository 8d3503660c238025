"""What is taken from the wire, and in which form it is kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from perisai_kit.http.phones import Phone
from perisai_kit.http.types import (
    Day,
    Instant,
    LongText,
    MonthText,
    PersonName,
    ShortText,
    Text255,
)

PHONE: TypeAdapter[str] = TypeAdapter(Phone)
NAME: TypeAdapter[str] = TypeAdapter(PersonName)


@pytest.mark.parametrize(
    "written",
    [
        "081234567890",
        "0812 3456-7890",
        "+62 812 3456 7890",
        " (0812) 3456.7890 ",
        "6281234567890",
        "62 812-3456-7890",
        "+62 (0)812 3456 7890",
        "(+62) 812 3456 7890",
        "(62) 812 3456 7890",
        "0062 812 3456 7890",
        "81234567890",
        "+62 6281234567890",
        "+62 62 812 3456 7890",
        "\u202a+62 812-3456-7890\u202c",
        "\u2066081234567890\u2069",
        "\ufeff0812\u200b3456\u200e7890",
        "0812\u00a03456\u202f7890",
        "0812\u20113456\u20137890",
        "0812\u20143456\u22127890",
        "0812\u00ad3456\t7890\n",
        "\uff10\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10",
        "\uff0b62\uff0881\uff09234567890",
        "\u0660\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660",
    ],
)
def test_telephone_is_kept_in_one_form(written: str) -> None:
    assert PHONE.validate_python(written) == "+6281234567890"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0812",
        "+62abc",
        "+6281234567890x",
        "0812KARTU99",
        "call +6281234567890 now",
        "0" * 31,
        "62812",
        "00862812345678",
        "0812\u00b23456\u00b9890",
        "\u200e",
        "0812345678\x0090",
        "\ud800081234567890",
        "081234567890" + "\u200e" * 60,
        "99999",
        "9999-12",
        "9999-12-31",
        "08123456",
    ],
)
def test_what_is_no_telephone_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="must be a telephone number"):
        PHONE.validate_python(written)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("62812345678", "+62812345678"),
        ("+62812345678", "+62812345678"),
        ("6285200000001", "+6285200000001"),
        ("62215551234", "+62215551234"),
        ("0622 123456", "+62622123456"),
        ("+62 628 91234", "+6262891234"),
        ("+1 650 253 0000", "+16502530000"),
        ("+65 6123 4567", "+6561234567"),
    ],
)
def test_the_country_is_read_once_and_an_area_code_is_none(written: str, kept: str) -> None:
    assert PHONE.validate_python(written) == kept


@given(st.from_regex(r"8[1-9][0-9]{7,10}", fullmatch=True))
def test_a_mobile_number_is_the_same_however_its_country_is_written(rest: str) -> None:
    expected = f"+62{rest}"

    for written in (f"0{rest}", f"62{rest}", f"+62{rest}", f"0062{rest}", f"+620{rest}"):
        assert PHONE.validate_python(written) == expected


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Siti", "Siti"),
        ("Ma'ruf Amin", "Ma'ruf Amin"),
        ("Hj. Siti Aminah, S.Pd.", "Hj. Siti Aminah, S.Pd."),
        ("Al-Amin 2", "Al-Amin 2"),
        ("  Siti\t Aminah \r\n", "Siti Aminah"),
        ("Siti\u2028Aminah", "Siti Aminah"),
        ("\u202eSiti\u200b A\u00adminah\ufeff", "Siti Aminah"),
        ("Si\u3164ti\u2800", "Siti"),
        ("Jose\u0301", "Jos\u00e9"),
        ("\u0633\u064a\u062a\u064a", "\u0633\u064a\u062a\u064a"),
    ],
)
def test_a_name_is_kept_in_one_line_without_what_nobody_sees(written: str, kept: str) -> None:
    assert NAME.validate_python(written) == kept


@pytest.mark.parametrize(
    "written",
    ["\u200b", "\u200b\u200d\ufeff", "\u202e", "\x07", "\u3164", "\u2800", "\ufe0f"],
)
@pytest.mark.parametrize("kind", [ShortText, Text255, LongText])
def test_a_text_shows_something(kind: Any, written: str) -> None:
    with pytest.raises(ValidationError, match="at least one visible character"):
        TypeAdapter(kind).validate_python(written)


def test_only_a_long_text_has_several_lines() -> None:
    written = "Jalan\u200b Kenanga\n\n nomor 3"

    assert TypeAdapter(Text255).validate_python(written) == "Jalan Kenanga nomor 3"
    assert TypeAdapter(LongText).validate_python(written) == written


@pytest.mark.parametrize(
    "written", ["-", "12345", "...", "1 2", "\u200b\u200d", "\u3164", "\ufe0f"]
)
def test_a_name_has_a_letter(written: str) -> None:
    with pytest.raises(ValidationError, match="at least one letter"):
        NAME.validate_python(written)


@given(st.text(max_size=100))
def test_a_kept_name_is_kept_again(written: str) -> None:
    try:
        kept = NAME.validate_python(written)
    except ValidationError:
        return
    assert NAME.validate_python(kept) == kept


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *((Day, day) for day in ("1900-01-01", "2099-12-31", "2024-02-29")),
        *((MonthText, month) for month in ("1900-01", "2099-12")),
        *(
            (Instant, instant)
            for instant in (
                "1900-01-01T00:00:00Z",
                "2099-12-31T23:59:59-14:00",
                "2026-11-30 08:00:00.5+07:00",
                "2026-11-30t08:00z",
            )
        ),
    ],
)
def test_two_centuries_are_taken(kind: Any, written: str) -> None:
    TypeAdapter(kind).validate_python(written)


@pytest.mark.parametrize(
    ("kind", "written", "code"),
    [
        (Day, "0001-01-01", "greater_than_equal"),
        (Day, "1899-12-31", "greater_than_equal"),
        (Day, "2100-01-01", "less_than_equal"),
        (Day, "2026-02-29", "date_from_datetime_parsing"),
        (Day, "20261130", "date"),
        (Day, "2026-1-030", "date"),
        (Day, 1764500000, "date"),
        (MonthText, "1899-12", "greater_than_equal"),
        (MonthText, "9999-12", "less_than_equal"),
        (MonthText, "2026-13", "month"),
        (Instant, "0001-01-01T00:00:00+14:00", "greater_than_equal"),
        (Instant, "9999-12-31T23:59:59-14:00", "less_than_equal"),
        (Instant, "-1", "datetime_parsing"),
        (Instant, "99999999999999", "datetime_parsing"),
        (Instant, 1764500000, "datetime_parsing"),
        (Instant, "2026-11-30T08:00:00", "timezone_aware"),
        (Instant, "2026-02-30T08:00:00Z", "datetime_from_date_parsing"),
    ],
)
def test_other_years_and_bare_numbers_are_refused(kind: Any, written: object, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(written)

    assert [error["type"] for error in refused.value.errors()] == [code]
