"""Rows of a bank statement (service 14), by which a transfer of unknown outcome is settled."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from snap_bi.errors import FieldProblem
from snap_bi.outcomes import CallResult
from snap_bi.timestamps import WIB, parse_timestamp
from snap_bi.transfer_messages import BankStatementDetail
from snap_bi.transfer_rules import TransferRules

_BLANKS = re.compile(r"[^A-Z0-9]")


class EntryType(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatementRow:
    """One booking on our account.

    amount: whole rupiah; sen: the rest below a rupiah, 0 to 99. booked_on: the day in Jakarta.
    remark: as the bank wrote it; it may hold personal data, so never log it.
    is_correction: the bank marks the row as the correction of an error.
    """

    type: EntryType
    amount: int
    sen: int
    booked_at: datetime
    booked_on: date
    remark: str = field(repr=False)
    transaction_id: str | None
    is_correction: bool

    def has_code(self, code: str) -> bool:
        """Return whether the remark carries a code, however the bank has broken its lines."""
        return _squeeze(code) in _squeeze(self.remark)


@dataclass(frozen=True, slots=True)
class BankStatement:
    """A bank statement. Rows are in the order of the bank.

    is_complete: whether all pages were read and every row was understood. Only then does a missing
    row prove anything.
    """

    result: CallResult
    rows: Sequence[BankStatementRow] = ()
    is_complete: bool = False


def read_row(data: Mapping[str, object]) -> BankStatementRow | None:
    """Return a row of detailData, or None when it cannot be understood."""
    try:
        detail = BankStatementDetail.read(data)
        kind = EntryType(detail.type.strip().lower())
    except (FieldProblem, ValueError):
        return None
    whole, _, sen = detail.amount.value.partition(".")
    booked_at = parse_timestamp(detail.transaction_date)
    return BankStatementRow(
        type=kind,
        amount=int(whole),
        sen=int(sen),
        booked_at=booked_at,
        booked_on=booked_at.astimezone(WIB).date(),
        remark=detail.remark,
        transaction_id=detail.transaction_id,
        # "ERROR CORECTION" in the standard's own spelling.
        is_correction=(detail.transaction_detail_status or "").strip().upper().startswith("ERROR"),
    )


def merge_pages(
    before: Sequence[BankStatementRow], page: Sequence[BankStatementRow], *, bound: datetime
) -> list[BankStatementRow]:
    """Return the rows of a page that are new after the rows of the pages before it.

    bound: the last instant of the page before, at which this page starts again. Rows of that
    instant that were read before are left out, once each.
    """
    seen = Counter(row for row in before if row.booked_at == bound)
    fresh = []
    for row in page:
        if seen[row] > 0:
            seen[row] -= 1
        else:
            fresh.append(row)
    return fresh


def build_remark(code: str, text: str, rules: TransferRules) -> str:
    """Return a remark that starts with the code, without characters that banks refuse.

    code: letters and digits. It comes first and is short, because BCA breaks the line after 18
    characters and banks cut the end.
    """
    words = re.sub(r"[^A-Za-z0-9]+", " ", f"{code} {text}").split()
    return " ".join(words)[: rules.remark_length].rstrip()


def _squeeze(text: str) -> str:
    return _BLANKS.sub("", text.upper())
