"""Write rows of a file of payouts, and read the rows of a bank's answer.

Source: docs/payouts.md, Banks without an API. A spreadsheet takes a cell for a formula that begins
with certain signs (OWASP, CSV Injection). An account number is digits alone, so it is never
changed; of names and remarks such a beginning is left out, since a bank reads the file too.
"""

import base64
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NoReturn

from perisai_kit.domain.errors import Invalid

MAX_ANSWER_BYTES = 512 * 1024
"""Of a bank's answer: some hundred bytes for each row of the largest file."""
MAX_SHOWN_ERRORS = 20
NO_NAME = "PENERIMA"
"""In the place of a name of which the encoding of a file leaves nothing."""
FORMULA_STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_ACCOUNT_NO = re.compile(r"[0-9]{1,34}")
_RUPIAH = re.compile(r"[1-9][0-9]{0,15}")
_CENTS = re.compile(r"([1-9][0-9]{0,15})\.00")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")


class PayoutFormatUnknown(Invalid):
    code = "payout_format_unknown"
    text = "This format of payout files is not known. Choose one of those in the documentation."
    text_id = "Format berkas pembayaran ini tidak dikenal. Pilih salah satu yang terdaftar."


class PayoutAnswerRefused(Invalid):
    """`details`: `rows`, the first errors: `row` (from 1, the header too), `field`, `problem`."""

    code = "payout_answer_refused"
    text = "This answer file cannot be taken. Nothing was changed. See the rows."
    text_id = "Berkas jawaban ini tidak dapat diterima. Tidak ada yang berubah. Lihat barisnya."


class RowProblem(StrEnum):
    """What is wrong with a row of an answer; no value of it is ever shown."""

    UNREADABLE = "unreadable"
    HEADER = "header"
    FIELD_COUNT = "field_count"
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"
    INVALID = "invalid"
    DAY_MISSING = "day_missing"
    UNKNOWN_REFERENCE = "unknown_reference"
    DUPLICATE = "duplicate"
    OTHER_AMOUNT = "other_amount"
    STATUS_NOT_POSSIBLE = "status_not_possible"


@dataclass(frozen=True, slots=True)
class RowError:
    """row: from 1, the header counts. field: by the name of its value; None: the whole row."""

    row: int
    field: str | None
    problem: RowProblem


class FieldValue(StrEnum):
    """What a column of our file holds."""

    PARTNER_REFERENCE_NO = "partner_reference_no"
    REMARK_CODE = "remark_code"
    BANK_CODE = "bank_code"
    ACCOUNT_NO = "account_no"
    HOLDER_NAME = "holder_name"
    AMOUNT = "amount"
    DATE = "date"
    REMARK = "remark"


class AnswerValue(StrEnum):
    """What a column of a bank's answer holds. ignored: something that we do not read.

    executed_on: the day on which the bank paid, or gave the money back; it may be empty.
    """

    PARTNER_REFERENCE_NO = "partner_reference_no"
    AMOUNT = "amount"
    STATUS = "status"
    REFERENCE_NO = "reference_no"
    RESPONSE_CODE = "response_code"
    EXECUTED_ON = "executed_on"
    IGNORED = "ignored"


NEEDED = frozenset({AnswerValue.PARTNER_REFERENCE_NO, AnswerValue.AMOUNT, AnswerValue.STATUS})


class AmountForm(StrEnum):
    """rupiah: `125000`. cents: `125000.00`."""

    RUPIAH = "rupiah"
    CENTS = "cents"


class DateForm(StrEnum):
    """iso: `2026-12-05`. dmy: `05/12/2026`. compact: `20261205`."""

    ISO = "iso"
    DMY = "dmy"
    COMPACT = "compact"


class Outcome(StrEnum):
    """What a bank says became of a transfer."""

    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the files of a bank look. columns, answer_columns: name and value, in their order.

    line_ending: the characters. max_rows: of one file. statuses: the bank's words.
    """

    name: str
    encoding: str
    line_ending: str
    separator: str
    quotes_all: bool
    has_header: bool
    amount: AmountForm
    date: DateForm
    max_rows: int
    columns: tuple[tuple[str, FieldValue], ...]
    answer_columns: tuple[tuple[str, AnswerValue], ...]
    statuses: dict[str, Outcome]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A transfer in a file of ours; amount in rupiah."""

    partner_reference_no: str
    remark_code: str
    bank_code: str
    account_no: str
    holder_name: str
    amount: int
    remark: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A row of a bank's answer. row: from 1, the header counts. amount: rupiah.

    executed_on: as the bank states it; None: it does not.
    """

    row: int
    partner_reference_no: str
    amount: int
    outcome: Outcome
    reference_no: str | None
    response_code: str | None
    executed_on: date | None = None


def write_file(form: FileFormat, rows: Iterable[FileRow], *, on: date) -> bytes:
    """Return the bytes of a file: the same for the same rows and day."""
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=form.separator,
        lineterminator=form.line_ending,
        quoting=csv.QUOTE_ALL if form.quotes_all else csv.QUOTE_MINIMAL,
    )
    if form.has_header:
        writer.writerow([name for name, _ in form.columns])
    for row in rows:
        writer.writerow([_cell(form, value, row, on) for _, value in form.columns])
    return text.getvalue().encode(form.encoding)


def _cell(form: FileFormat, value: FieldValue, row: FileRow, on: date) -> str:
    match value:
        case FieldValue.AMOUNT:
            return f"{row.amount}.00" if form.amount is AmountForm.CENTS else str(row.amount)
        case FieldValue.DATE:
            return on.strftime(DATE_FORMATS[form.date])
        case FieldValue.ACCOUNT_NO:
            assert _ACCOUNT_NO.fullmatch(row.account_no), "an account number is digits"
            return row.account_no
        case FieldValue.HOLDER_NAME:
            return make_harmless(row.holder_name, encoding=form.encoding) or NO_NAME
        case _:
            return make_harmless(getattr(row, value.value), encoding=form.encoding)


DATE_FORMATS = {DateForm.ISO: "%Y-%m-%d", DateForm.DMY: "%d/%m/%Y", DateForm.COMPACT: "%Y%m%d"}


def make_harmless(text: str, *, encoding: str) -> str:
    """Return a text in one line, without a beginning that a spreadsheet takes for a formula."""
    shown = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    if encoding == "ascii":
        shown = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
    words = " ".join(shown.split())
    while words and words[0] in FORMULA_STARTS:
        words = words[1:].lstrip()
    return words


def decode_answer(content: str) -> bytes:
    """Return the bytes of an answer in base64. Raises: PayoutAnswerRefused."""
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:
        refuse([RowError(1, None, RowProblem.UNREADABLE)])


def read_answer(form: FileFormat, content: bytes) -> list[AnswerRow]:
    """Read a bank's answer, all of it or nothing.

    Raises: PayoutAnswerRefused.
    """
    lines = _split(form, content)
    names = [name for name, _ in form.answer_columns]
    first = 1
    if form.has_header:
        if not lines or lines[0] != names:
            refuse([RowError(1, None, RowProblem.HEADER)])
        first, lines = 2, lines[1:]
    if not lines:
        refuse([RowError(first, None, RowProblem.NO_ROWS)])
    if len(lines) > form.max_rows:
        refuse([RowError(first + form.max_rows, None, RowProblem.TOO_MANY_ROWS)])
    rows, errors = [], list[RowError]()
    for number, cells in enumerate(lines, first):
        read = _read_row(form, number, cells)
        if isinstance(read, AnswerRow):
            rows.append(read)
        else:
            errors.append(read)
    if errors:
        refuse(errors)
    return rows


def refuse(errors: Sequence[RowError]) -> NoReturn:
    """Refuse an answer with its first errors. Raises: PayoutAnswerRefused."""
    shown = [
        {"row": each.row, "field": each.field, "problem": each.problem.value}
        for each in sorted(errors, key=lambda each: each.row)[:MAX_SHOWN_ERRORS]
    ]
    raise PayoutAnswerRefused(field="content", rows=shown)


def _split(form: FileFormat, content: bytes) -> list[list[str]]:
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    lines: list[list[str]] = []
    try:
        text = content.decode(encoding)
        if "\x00" in text:
            raise ValueError("NUL")
        lines.extend(
            csv.reader(io.StringIO(text, newline=""), delimiter=form.separator, strict=True)
        )
    except (ValueError, csv.Error):
        refuse([RowError(len(lines) + 1, None, RowProblem.UNREADABLE)])
    while lines and not lines[-1]:
        lines.pop()  # blank lines at the end
    return lines


def _read_row(form: FileFormat, number: int, cells: Sequence[str]) -> AnswerRow | RowError:
    if len(cells) != len(form.answer_columns):
        return RowError(number, None, RowProblem.FIELD_COUNT)
    found = {
        value: cell.strip()
        for (_, value), cell in zip(form.answer_columns, cells, strict=True)
        if value is not AnswerValue.IGNORED
    }
    amount = _read_amount(form.amount, found[AnswerValue.AMOUNT])
    outcome = form.statuses.get(found[AnswerValue.STATUS])
    stated_on = found.get(AnswerValue.EXECUTED_ON) or None
    executed_on = _read_date(form.date, stated_on)
    reference = found[AnswerValue.PARTNER_REFERENCE_NO]
    reference_no = found.get(AnswerValue.REFERENCE_NO) or None
    response_code = found.get(AnswerValue.RESPONSE_CODE) or None
    wrong = {
        AnswerValue.PARTNER_REFERENCE_NO: not _CODE.fullmatch(reference),
        AnswerValue.AMOUNT: amount is None,
        AnswerValue.STATUS: outcome is None,
        AnswerValue.REFERENCE_NO: reference_no is not None and not _CODE.fullmatch(reference_no),
        AnswerValue.RESPONSE_CODE: response_code is not None and not _CODE.fullmatch(response_code),
        AnswerValue.EXECUTED_ON: stated_on is not None and executed_on is None,
    }
    for field, is_wrong in wrong.items():
        if is_wrong:
            return RowError(number, field.value, RowProblem.INVALID)
    assert amount is not None and outcome is not None  # noqa: PT018 - both were looked at above
    return AnswerRow(number, reference, amount, outcome, reference_no, response_code, executed_on)


def _read_amount(form: AmountForm, text: str) -> int | None:
    pattern = _CENTS if form is AmountForm.CENTS else _RUPIAH
    found = pattern.fullmatch(text)
    return int(found[found.lastindex or 0]) if found else None


def _read_date(form: DateForm, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        read = datetime.strptime(text, DATE_FORMATS[form]).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
    # strptime also takes days without leading zeros; banks that write so are not known.
    return read if read.strftime(DATE_FORMATS[form]) == text else None
