"""Rows of a file for a bank, and of its answer."""

import csv
import io
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.payout_formats import service
from payment_service.payout_formats.rules import (
    FORMULA_STARTS,
    AmountForm,
    AnswerRow,
    DateForm,
    FileRow,
    Outcome,
    PayoutAnswerRefused,
    PayoutFormatUnknown,
    make_harmless,
    read_answer,
    write_file,
)

FORM = service.get("generic-csv")
ON = date(2026, 12, 5)
ROW = FileRow("a1", "R1", "014", "0012345678", "Siti Aminah", 1_250_000, "INSENTIF PERISAI R1")
HEADER = b"reference,amount,status,bank_reference,reason,date\r\n"


def test_every_format_of_the_package_is_found_by_its_name() -> None:
    assert set(service.book()) == {"generic-csv"}
    with pytest.raises(PayoutFormatUnknown):
        service.get("another")


def test_a_file_has_its_columns_in_order() -> None:
    assert write_file(FORM, [ROW], on=ON) == (
        b"reference,bank_code,account_no,holder_name,amount,date,remark\r\n"
        b"a1,014,0012345678,Siti Aminah,1250000,2026-12-05,INSENTIF PERISAI R1\r\n"
    )


def test_a_format_says_how_amounts_days_and_quotes_look() -> None:
    form = replace(
        FORM,
        amount=AmountForm.CENTS,
        date=DateForm.DMY,
        separator=";",
        line_ending="\n",
        quotes_all=True,
        has_header=False,
    )

    assert write_file(form, [ROW], on=ON) == (
        b'"a1";"014";"0012345678";"Siti Aminah";"1250000.00";"05/12/2026";"INSENTIF PERISAI R1"\n'
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=HYPERLINK(1)", "HYPERLINK(1)"),
        ("@@ +Siti", "Siti"),
        ("\t-Siti\r\nAminah", "Siti Aminah"),
        ("\uff1dSiti", "Siti"),
        ('O\'Brien, "Siti"', 'O\'Brien, "Siti"'),
        ("==", "PENERIMA"),
    ],
)
def test_a_name_cannot_begin_a_formula(name: str, shown: str) -> None:
    written = write_file(FORM, [replace(ROW, holder_name=name)], on=ON).decode()

    (_, cells) = csv.reader(io.StringIO(written, newline=""))
    assert cells[3] == shown


@given(st.text(max_size=60), st.sampled_from(["utf-8", "ascii"]))
def test_no_text_begins_a_formula_or_a_line(text: str, encoding: str) -> None:
    shown = make_harmless(text, encoding=encoding)

    assert not shown or shown[0] not in FORMULA_STARTS
    assert not {"\r", "\n", "\t", "\x00"} & set(shown)
    assert make_harmless(shown, encoding=encoding) == shown


def test_letters_that_an_encoding_lacks_are_written_without_their_signs() -> None:
    form = replace(FORM, encoding="ascii")

    assert b",Jose Wijaya," in write_file(form, [replace(ROW, holder_name="José Wijaya")], on=ON)


def test_an_answer_is_read_with_its_row_numbers() -> None:
    content = HEADER + b"a1,1250000,PAID,BANK-1,,2026-12-04\r\nb2,7,FAILED,,4041811,\n\n"

    assert read_answer(FORM, content) == [
        AnswerRow(2, "a1", 1_250_000, Outcome.PAID, "BANK-1", None, date(2026, 12, 4)),
        AnswerRow(3, "b2", 7, Outcome.FAILED, None, "4041811"),
    ]
    assert read_answer(FORM, b"\xef\xbb\xbf" + content) == read_answer(FORM, content)


@pytest.mark.parametrize(
    ("form", "text"),
    [(DateForm.ISO, b"2026-12-04"), (DateForm.DMY, b"04/12/2026"), (DateForm.COMPACT, b"20261204")],
)
def test_the_day_of_an_answer_is_written_as_the_format_says(form: DateForm, text: bytes) -> None:
    (row,) = read_answer(replace(FORM, date=form), HEADER + b"a1,1,PAID,,," + text + b"\r\n")

    assert row.executed_on == date(2026, 12, 4)


@pytest.mark.parametrize(
    ("content", "row", "field", "problem"),
    [
        (b"", 1, None, "header"),
        (b"reference,amount\r\n", 1, None, "header"),
        (HEADER, 2, None, "no_rows"),
        (HEADER + b"a1,1,PAID,,,,\r\n", 2, None, "field_count"),
        (HEADER + b"a1,1,PAID,,,\r\n\r\nb2,1,PAID,,,\r\n", 3, None, "field_count"),
        (HEADER + b"a1,1.5,PAID,,,\r\n", 2, "amount", "invalid"),
        (HEADER + b"a1,01,PAID,,,\r\n", 2, "amount", "invalid"),
        (HEADER + b"a1,-1,PAID,,,\r\n", 2, "amount", "invalid"),
        (HEADER + b"a1,\xd9\xa1,PAID,,,\r\n", 2, "amount", "invalid"),
        (HEADER + b"a1,1,paid,,,\r\n", 2, "status", "invalid"),
        (HEADER + b"=a1,1,PAID,,,\r\n", 2, "partner_reference_no", "invalid"),
        (HEADER + b",1,PAID,,,\r\n", 2, "partner_reference_no", "invalid"),
        (HEADER + b"a1,1,PAID,a b,,\r\n", 2, "reference_no", "invalid"),
        (HEADER + b"a1,1,PAID,,@1,\r\n", 2, "response_code", "invalid"),
        (HEADER + b'a1,1,"PAID,,,\r\n', 2, None, "unreadable"),
        (HEADER + b"a1,1,PAID,\x00,,\r\n", 1, None, "unreadable"),
        (HEADER + b"a1,1,PAID,\xff,,\r\n", 1, None, "unreadable"),
        (HEADER + b"a1,1,PAID,,,\r\n" * 501, 502, None, "too_many_rows"),
        (HEADER + b"a1,1,PAID,,,04/12/2026\r\n", 2, "executed_on", "invalid"),
        (HEADER + b"a1,1,PAID,,,2026-13-01\r\n", 2, "executed_on", "invalid"),
        (HEADER + b"a1,1,PAID,,,2026-12-4\r\n", 2, "executed_on", "invalid"),
    ],
)
def test_what_is_not_exactly_an_answer_is_refused_with_its_row(
    content: bytes, row: int, field: str | None, problem: str
) -> None:
    with pytest.raises(PayoutAnswerRefused) as refused:
        read_answer(FORM, content)

    assert refused.value.details["rows"] == [{"row": row, "field": field, "problem": problem}]


def count_rows(content: bytes) -> int:
    """Return how many rows an answer has, or how many errors are shown."""
    try:
        return len(read_answer(FORM, content))
    except PayoutAnswerRefused as refused:
        return str(refused.details["rows"]).count("problem")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert count_rows(content) > 0
    assert count_rows(HEADER + content) > 0
