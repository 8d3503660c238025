"""A sheet as CSV, XLSX and PDF. They take processor time: use `Printer`, which has a thread."""

import asyncio
import io
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import typst
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from payment_service.statement_documents.rules import (
    NUMERIC,
    Cell,
    CellKind,
    Column,
    FileFormat,
    Sheet,
    Table,
    describe,
)
from perisai_kit.domain.jakarta import JAKARTA, jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.csv_lines import csv_line

AT_ONCE = 1
"""Files made at the same time in a process; others wait."""
_PRINT = Path(__file__).parent / "print"
_FORMATS = {
    CellKind.NUMBER: "0",
    CellKind.RUPIAH: "#,##0",
    CellKind.EXACT: "#,##0.0000",
    CellKind.RATE: "0.00%",
    CellKind.DAY: "d mmm yyyy",
    CellKind.INSTANT: "d mmm yyyy hh:mm",
}
_TEN_THOUSANDTH = Decimal("0.0001")
_WIDTHS = {CellKind.TEXT: 24, CellKind.MONTH: 16}


class Printer:
    """Makes files in a thread, few at once."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def print(self, sheet: Sheet, file_format: FileFormat) -> bytes:
        """Return the bytes of a file; the same sheet gives the same bytes."""
        async with self._turn:
            return await asyncio.to_thread(_WRITERS[file_format], sheet)


def write_csv(sheet: Sheet) -> bytes:
    """Return the main table; names of columns and plain values as in the API."""
    columns = sheet.main.columns
    lines = [csv_line(each.key for each in columns)]
    lines += [csv_line(map(_plain, row, columns)) for row in sheet.main.rows]
    return "".join(lines).encode()


def write_xlsx(sheet: Sheet) -> bytes:
    """Return a workbook: the summary, the main table, and the proof by the ledger."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": True, "strings_to_formulas": False})
    book.set_properties({"title": sheet.title, "created": sheet.issued_at.replace(tzinfo=None)})
    formats = {kind: book.add_format({"num_format": each}) for kind, each in _FORMATS.items()}
    bold = book.add_format({"bold": True})
    _write_summary(book, sheet, formats, bold)
    for table in (sheet.main, sheet.proof):
        _write_table(book.add_worksheet(table.title), table, formats, bold)
    book.close()
    return buffer.getvalue()


def write_pdf(sheet: Sheet) -> bytes:
    """Return a PDF in Indonesian, without tags: they would make it twenty times as large.

    Raises: RuntimeError for a warning of the typesetter.
    """
    content = {
        "title": sheet.title,
        "facts": [list(each) for each in sheet.facts],
        "sums": [[label, describe(cell, kind)] for label, cell, kind in sheet.sums],
        "tables": [_printed(sheet.main), _printed(sheet.proof)],
        "notes": list(sheet.notes),
    }
    compiler = typst.Compiler(
        (_PRINT / "document.typ").read_bytes(),
        root=str(_PRINT),
        font_paths=_fonts(),
        sys_inputs={"content": json.dumps(content)},
    )
    made, warnings = compiler.compile_with_warnings(
        format="pdf", pdf_tags=False, timestamp=round(sheet.issued_at.timestamp())
    )
    if warnings or not isinstance(made, bytes):
        raise RuntimeError("the typesetter warns, such as of a missing glyph or font")
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(_PRINT)]
    )


def _printed(table: Table) -> dict[str, Any]:
    places = [place for place, each in enumerate(table.columns) if each.is_printed]
    shown = [table.columns[place] for place in places]
    return {
        "title": table.title,
        "labels": [each.label for each in shown],
        "right": [each.kind in NUMERIC for each in shown],
        "rows": [
            [describe(_local(row[place]), table.columns[place].kind) for place in places]
            for row in table.rows
        ],
    }


def _local(cell: Cell) -> Cell:
    """Return the Jakarta day of an instant: a column of a table has room for no more."""
    return jakarta_date(cell) if isinstance(cell, datetime) else cell


def _write_summary(
    book: Workbook, sheet: Sheet, formats: Mapping[CellKind, Format], bold: Format
) -> None:
    page = book.add_worksheet("Ringkasan")
    page.set_column(0, 0, 32)
    page.set_column(1, 1, 44)
    page.write_string(0, 0, sheet.title, bold)
    row = 2
    for label, value in sheet.facts:
        page.write_string(row, 0, label)
        page.write_string(row, 1, value)
        row += 1
    row += 1
    for label, cell, kind in sheet.sums:
        page.write_string(row, 0, label)
        _write_cell(page, (row, 1), cell, formats.get(kind))
        row += 1
    for note in sheet.notes:
        row += 1
        page.write_string(row, 0, note)


def _write_table(
    page: Worksheet, table: Table, formats: Mapping[CellKind, Format], bold: Format
) -> None:
    page.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        page.set_column(place, place, _WIDTHS.get(column.kind, 14))
    for place, column in enumerate(table.columns):
        page.write_string(0, place, column.label, bold)
    for number, row in enumerate(table.rows, start=1):
        for place, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            value = cell
            if column.kind is CellKind.RATE and isinstance(cell, int):
                value = Decimal(cell) / 10_000
            _write_cell(page, (number, place), value, formats.get(column.kind))


def _write_cell(page: Worksheet, at: tuple[int, int], cell: Cell, cell_format: Any) -> None:
    match cell:
        case None:
            return
        case Month():
            page.write_string(*at, describe(cell, CellKind.MONTH))
        case datetime():
            page.write_datetime(*at, cell.astimezone(JAKARTA).replace(tzinfo=None), cell_format)
        case date():
            page.write_datetime(*at, cell, cell_format)
        case str():
            page.write_string(*at, cell)
        case _:
            page.write_number(*at, cell, cell_format)


def _plain(cell: Cell, column: Column) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(JAKARTA).isoformat()
    if column.kind is CellKind.RATE and isinstance(cell, int):
        return Decimal(cell) / 100
    if isinstance(cell, Decimal):
        return cell.quantize(_TEN_THOUSANDTH)
    return cell


_WRITERS: Mapping[FileFormat, Callable[[Sheet], bytes]] = {
    FileFormat.CSV: write_csv,
    FileFormat.XLSX: write_xlsx,
    FileFormat.PDF: write_pdf,
}
