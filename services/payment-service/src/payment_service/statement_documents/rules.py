"""What a statement document says, in Indonesian, and the proof that it equals the ledger.

Source: docs/commissions.md, Statement documents.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from payment_service.commissions.rules import CommissionCause, CommissionRule, CorrectionReason
from payment_service.counting.rules import BeneficiaryKind
from payment_service.schemes.rules import PARTS
from perisai_kit.domain.errors import Conflict, Invalid
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import MONTH_NAMES, Month, write_month

LANGUAGE = "id"
"""Of the documents."""
MAX_ROWS = 50_000
"""Of a document as JSON."""


class FileFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


MEDIA_TYPES: Mapping[FileFormat, str] = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.PDF: "application/pdf",
}


MAX_PRINTED_ROWS = 2_000
"""Of a table in a PDF: 3.5 s of a processor and 330 MB."""
MAX_FILE_ROWS: Mapping[FileFormat, int] = {
    FileFormat.CSV: MAX_ROWS,
    FileFormat.XLSX: 20_000,
    FileFormat.PDF: MAX_ROWS,
}
"""20,000 rows of a workbook take 6 s of a processor. A PDF adds up what it does not print."""


class DocumentTooLong(Invalid):
    """`details`: `limit`, how many rows a document of this format may have."""

    code = "document_too_long"
    text = "This document has too many rows for this format. Ask for it as CSV."
    text_id = "Dokumen ini terlalu panjang untuk bentuk ini. Minta dalam bentuk CSV."


class StatementUnproven(Conflict):
    """A statement does not equal its lines or the ledger, so no document of it is given out."""

    code = "statement_unproven"
    text = "This statement does not agree with the ledger. Ask the finance office to check it."
    text_id = "Rekap ini tidak sesuai dengan buku besar. Minta bagian keuangan memeriksanya."


class OneOfTwo(Invalid):
    code = "wadah_or_branch"
    text = "Send exactly one wadah_id or one branch_code."
    text_id = "Isi salah satu saja: wadah_id atau branch_code."


Cell: TypeAlias = int | Decimal | str | date | datetime | Month | None


class CellKind(StrEnum):
    """How the cells of a column are written. EXACT: rupiah with four decimal places."""

    TEXT = "text"
    NUMBER = "number"
    RUPIAH = "rupiah"
    EXACT = "exact"
    RATE = "rate"
    DAY = "day"
    INSTANT = "instant"
    MONTH = "month"


NUMERIC = frozenset({CellKind.NUMBER, CellKind.RUPIAH, CellKind.EXACT, CellKind.RATE})


@dataclass(frozen=True, slots=True)
class Column:
    """key: the name in CSV, as in the API. label: in Indonesian."""

    key: str
    label: str
    kind: CellKind = CellKind.TEXT
    is_printed: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document as it is printed. facts, sums: label and value. rows: of the main table.

    issued_at: makes the same content the same bytes.
    """

    name: str
    title: str
    facts: Sequence[tuple[str, str]]
    sums: Sequence[tuple[str, Cell, CellKind]]
    main: Table
    proof: Table
    notes: Sequence[str]
    issued_at: datetime


KINDS = {BeneficiaryKind.AGENT: "Agen", BeneficiaryKind.WADAH: "Wadah"}
RULES = {
    CommissionRule.CONTRIBUTION: "Insentif iuran",
    CommissionRule.ACQUISITION: "Insentif akuisisi",
    CommissionRule.OVERRIDE: "Insentif wadah",
}
CAUSES = {
    CommissionCause.CONTRIBUTION: "Iuran dibayar",
    CommissionCause.ACQUISITION: "Peserta baru",
    CommissionCause.MONTH_TARGET: "Target bulan tercapai",
}
REASONS = {
    CorrectionReason.PAYMENT_DECLINED: "Pembatalan: pembayaran tidak dapat dihitung",
    CorrectionReason.MONTH_WITHDRAWN: "Pembatalan: bulan iuran ditarik kembali",
    CorrectionReason.ATTRIBUTION_CHANGED: "Pembatalan: peserta dibina agen lain",
    CorrectionReason.AGENT_NOT_AT_WORK: "Pembatalan: agen sedang tidak bertugas",
    CorrectionReason.NO_ACQUISITION: "Pembatalan: bukan peserta baru",
    CorrectionReason.THRESHOLD_MISSED: "Pembatalan: target peserta baru tidak tercapai",
    CorrectionReason.BONUS_HELD: "Pembatalan: bonus peserta baru sedang diperiksa",
    CorrectionReason.RECOMPUTED: "Pembatalan: dihitung ulang",
}


def find_label(cause: CommissionCause, reason: CorrectionReason | None) -> str:
    """Return why a line is there."""
    return CAUSES[cause] if reason is None else REASONS[reason]


def to_rupiah(parts: int) -> Decimal:
    """Return parts in rupiah, exactly."""
    return Decimal(parts) / PARTS


def describe_month(month: Month) -> str:
    """Return a month as `November 2026`."""
    return write_month(month, LANGUAGE)


def describe_day(day: date) -> str:
    """Return a day as `5 November 2026`."""
    return f"{day.day} {MONTH_NAMES[LANGUAGE][day.month - 1]} {day.year}"


def describe_instant(instant: datetime) -> str:
    """Return an instant in Jakarta as `5 November 2026 08.00 WIB`."""
    local = instant.astimezone(JAKARTA)
    return f"{describe_day(local.date())} {local:%H.%M} WIB"


def describe(cell: Cell, kind: CellKind) -> str:
    """Return a cell as Indonesians write it: `1.234,5000`, `15 %`, `5 November 2026`."""
    match cell:
        case None:
            return ""
        case Month():
            return describe_month(cell)
        case datetime():
            return describe_instant(cell)
        case date():
            return describe_day(cell)
        case str():
            return cell
    return _describe_number(cell, kind)


def _describe_number(number: int | Decimal, kind: CellKind) -> str:
    if kind is CellKind.RATE:
        return f"{_swap(f'{(Decimal(number) / 100).normalize():f}')} %"
    places = 4 if kind is CellKind.EXACT else 0
    return _swap(f"{number:,.{places}f}")


def _swap(number: str) -> str:
    """Return a number with a point between thousands and a comma before decimal places."""
    return number.translate(str.maketrans(",.", ".,"))


@dataclass(frozen=True, slots=True)
class LineGroup:
    """Lines added up: those of a wadah by agent, those of an agent by what they are for.

    agent_id: of a wadah's. cause, reason, contribution_month: of an agent's. base: rupiah. parts:
    1/10,000 rupiah.
    """

    rule: CommissionRule
    line_count: int
    base: int
    parts: int
    agent_id: UUID | None = None
    cause: CommissionCause | None = None
    reason: CorrectionReason | None = None
    contribution_month: Month | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement's amounts. parts: by rule. accrued: of it in the ledger, in rupiah, signed."""

    amount: int
    parts: Mapping[CommissionRule, int]
    accrued: int


def is_proven(stated: Stated, lines: Iterable[tuple[CommissionRule, int]]) -> bool:
    """Tell whether a statement is the sum of its lines, rule by rule, and what the ledger owes.

    lines: rule and parts.
    """
    sums = dict.fromkeys(CommissionRule, 0)
    for rule, parts in lines:
        sums[rule] += parts
    return sums == dict(stated.parts) and stated.amount == stated.accrued


def is_summarised(file_format: FileFormat | None, count: int) -> bool:
    """Tell whether a document has too many rows to print each. file_format: None: as JSON."""
    return file_format is FileFormat.PDF and count > MAX_PRINTED_ROWS


def find_limit(file_format: FileFormat | None) -> int:
    """Return how many rows a document can have. file_format: None: as JSON."""
    return MAX_ROWS if file_format is None else MAX_FILE_ROWS[file_format]


def describe_form(count: int, *, is_summary: bool) -> str:
    """Return whether a document has all its rows, and where they are if it has not."""
    rows = describe(count, CellKind.RUPIAH)
    if not is_summary:
        return f"Lengkap, {rows} baris"
    files = "CSV dan XLSX" if count <= MAX_FILE_ROWS[FileFormat.XLSX] else "CSV"
    return f"Ringkasan. Rincian satu per satu ({rows} baris) ada di berkas {files}."


def check_length(count: int, *, limit: int) -> None:
    """Refuse more rows than a format can have. Raises: DocumentTooLong."""
    if count > limit:
        raise DocumentTooLong(limit=limit)
