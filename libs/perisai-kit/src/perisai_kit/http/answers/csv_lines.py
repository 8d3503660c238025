"""Lines of CSV that a spreadsheet reads as data."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

CSV_TYPE = "text/csv; charset=utf-8"
CSV_ANSWER: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}}
"""What a route declares that answers with CSV."""
# A cell that begins so is a formula for a spreadsheet. Source: OWASP, CSV Injection.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_line(cells: Iterable[object]) -> str:
    """Return a line of CSV (RFC 4180). None is an empty cell; numbers stay numbers."""
    line = io.StringIO()
    csv.writer(line).writerow([_make_harmless(cell) for cell in cells])
    return line.getvalue()


def _make_harmless(cell: object) -> object:
    if cell is None or isinstance(cell, int | Decimal):
        return cell
    text = str(cell)
    # Blanks before a formula are passed over by some spreadsheets.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
