"""When a bank is asked what became of a transfer, and what its statement proves.

Source: docs/payouts.md; docs/snap.md 4.4 and 4.5.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from payment_service.payout_sending.rules import FIRST_INQUIRY
from payment_service.payout_transfers.rules import TransferStatus
from perisai_kit.domain.errors import Conflict, Forbidden, NotFound
from perisai_kit.domain.jakarta import jakarta_date

LONGEST_PAUSE = timedelta(hours=6)
_IGNORED = re.compile(r"[^A-Z0-9]")


class Evidence(StrEnum):
    """What a bank statement says of a transfer.

    nothing: no debit that could be it. ambiguous: something that only a person can judge.
    """

    PAID = "paid"
    RETURNED = "returned"
    NOTHING = "nothing"
    AMBIGUOUS = "ambiguous"


class SettlementOutcome(StrEnum):
    """What two officers may settle an unknown payout as; a paid one only as returned."""

    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class SettlementStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class SettlementVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class PayoutNotUnknown(Conflict):
    """`details`: `status`, what it is."""

    code = "payout_not_unknown"
    text = (
        "Officers settle a payout of unknown outcome, or a paid one as returned. "
        "Look at its status again."
    )
    text_id = (
        "Petugas hanya memutuskan pembayaran yang hasilnya belum diketahui, atau yang sudah "
        "dibayar tetapi uangnya kembali. Lihat lagi statusnya."
    )


class SettlementTooEarly(Conflict):
    """`details`: `from`, the instant from which officers may decide."""

    code = "payout_settlement_too_early"
    text = "The bank may still answer. Officers decide only when it has not for days."
    text_id = "Bank masih dapat menjawab. Petugas baru dapat memutuskan setelah beberapa hari."


class SettlementProposalNotFound(NotFound):
    code = "payout_settlement_proposal_not_found"
    text = "There is no such proposal for this payout."
    text_id = "Usulan untuk pembayaran ini tidak ditemukan."


class SettlementProposalDecided(Conflict):
    code = "payout_settlement_proposal_decided"
    text = "This proposal has been decided."
    text_id = "Usulan ini sudah diputuskan."


class SettlementProposalOpen(Conflict):
    code = "payout_settlement_proposal_open"
    text = "There is an open proposal for this payout. It must be decided first."
    text_id = "Masih ada usulan untuk pembayaran ini yang belum diputuskan."


class OwnSettlementProposal(Forbidden):
    code = "own_payout_settlement_proposal"
    text = "You cannot approve your own proposal. Another person must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan orang lain."


@dataclass(frozen=True, slots=True)
class Booking:
    """A row of a bank statement, as it concerns one transfer. amount: whole rupiah.

    is_ours: its remark has the code of the transfer. is_others: it has that of another one.
    is_correction: the bank marks it so. booked_on: the bank's day.
    """

    is_debit: bool
    amount: int
    is_ours: bool
    is_others: bool
    is_correction: bool
    booked_on: date


@dataclass(frozen=True, slots=True)
class Times:
    """How long is waited, by settings."""

    window: timedelta
    statement_after: timedelta


def judge(bookings: Iterable[Booking], *, amount: int) -> Evidence:
    """Return what the rows of a complete statement say of a transfer of this amount.

    A debit with our code may contain the fee. One without any code of ours and of the very amount
    may be the transfer, so it proves neither.
    """
    rows = list(bookings)
    ours = [each for each in rows if each.is_ours]
    debits = count_debits(ours, amount=amount)
    credited = sum(not each.is_debit and each.amount == amount for each in ours)
    if credited >= max(debits, 1):
        return Evidence.RETURNED
    if debits:
        is_corrected = any(_may_be_return(each, amount) for each in rows)
        return Evidence.AMBIGUOUS if is_corrected else Evidence.PAID
    is_stray = any(each.is_debit and each.amount == amount and not each.is_others for each in rows)
    return Evidence.AMBIGUOUS if ours or is_stray else Evidence.NOTHING


def count_debits(bookings: Iterable[Booking], *, amount: int) -> int:
    """Count the debits with our code that contain this amount; more than one is an alarm."""
    return sum(each.is_ours and each.is_debit and each.amount >= amount for each in bookings)


def find_booked_day(
    bookings: Iterable[Booking], outcome: SettlementOutcome, *, amount: int
) -> date | None:
    """Return the day on which a bank statement shows what became of a transfer.

    The first debit or credit with our code. Without one of those a single correction of the very
    amount is taken for the return that the bank reports itself. None: the statement shows no day.
    """
    rows, is_debit = list(bookings), outcome is SettlementOutcome.PAID
    fitting = [
        each
        for each in rows
        if each.is_debit is is_debit
        if each.amount == amount or (is_debit and each.amount > amount)
    ]
    ours = [each.booked_on for each in fitting if each.is_ours]
    if ours or is_debit:
        return min(ours, default=None)
    uncoded = [each.booked_on for each in fitting if _may_be_return(each, amount)]
    return uncoded[0] if len(uncoded) == 1 else None


def _may_be_return(booking: Booking, amount: int) -> bool:
    has_no_code = not booking.is_ours and not booking.is_others
    is_credit = not booking.is_debit and booking.is_correction
    return has_no_code and is_credit and booking.amount == amount


def needs_statement(*, is_not_found: bool, age: timedelta, times: Times) -> bool:
    """Tell whether the bank statement is read for a transfer that the inquiry does not settle."""
    return age >= (times.window if is_not_found else times.statement_after)


def pause_before_inquiry(inquiries: int) -> timedelta:
    """Return the pause after so many inquiries: 7 s at first, doubling, at most six hours."""
    factor: int = 2 ** min(inquiries, 12)  # then it is longer than the longest
    return min(FIRST_INQUIRY * factor, LONGEST_PAUSE)


def find_statement_days(requested_at: datetime, *, at: datetime) -> tuple[date, date]:
    """Return the Jakarta days whose statement shows a transfer: its own and the next, up to now."""
    first = jakarta_date(requested_at)
    return first, max(first, min(first + timedelta(days=1), jakarta_date(at)))


def list_possible_codes(remarks: Iterable[str], *, signs: str, length: int) -> set[str]:
    """Return each part of these remarks that may be a code of this length, made of these signs."""
    allowed, found = frozenset(signs), set()
    for remark in remarks:
        plain = _IGNORED.sub("", remark.upper())
        parts = (plain[start : start + length] for start in range(len(plain) - length + 1))
        found |= {part for part in parts if allowed.issuperset(part)}
    return found


def find_code(remark: str, codes: Collection[str], *, length: int) -> str | None:
    """Return which of these codes a remark has, however the bank has broken its lines."""
    plain = _IGNORED.sub("", remark.upper())
    for start in range(len(plain) - length + 1):
        found = plain[start : start + length]
        if found in codes:
            return found
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a statement. code: of the transfer that its remark names, if any.

    booked_on: the bank's day.
    """

    is_debit: bool
    amount: int
    code: str | None
    booked_on: date


@dataclass(frozen=True, slots=True)
class Contradictions:
    """The codes of transfers whose statement says something else than what is settled.

    returned: those that came back, with the first day. debited: refused ones that were executed
    nevertheless, with the first day.
    """

    returned: Mapping[str, date]
    debited: Mapping[str, date]


def find_contradictions(
    rows: Sequence[Row], *, executed: Mapping[str, int], refused: Mapping[str, int]
) -> Contradictions:
    """Compare a statement with what is stored. executed, refused: the amount in rupiah by code.

    executed: what was paid, or may have been. A credit with its code is its return, however long
    after the sending it comes.
    """
    amounts = {**executed, **refused}
    credited = _find_first_days(
        each for each in rows if not each.is_debit and amounts.get(each.code or "") == each.amount
    )
    debited = _find_first_days(
        each
        for each in rows
        if each.is_debit and each.code is not None
        if each.code in refused and each.amount >= refused[each.code]
    )
    return Contradictions(
        returned={code: day for code, day in credited.items() if code in executed},
        debited={code: day for code, day in debited.items() if code not in credited},
    )


def list_uncoded_credits(rows: Iterable[Row]) -> frozenset[int]:
    """Return the amounts of the credits without a code: each may be a return."""
    return frozenset(each.amount for each in rows if not each.is_debit and each.code is None)


def _find_first_days(rows: Iterable[Row]) -> dict[str, date]:
    days: dict[str, date] = {}
    for each in rows:
        if each.code is not None:
            days[each.code] = min(each.booked_on, days.get(each.code, each.booked_on))
    return days


def check_decidable(*, sent_at: datetime, after: timedelta, at: datetime) -> None:
    """Refuse that people settle what the bank may still answer. Raises: SettlementTooEarly."""
    begins = sent_at + after
    if at < begins:
        raise SettlementTooEarly(**{"from": begins.isoformat()})


def check_unanswered(
    status: TransferStatus, *, is_last: bool, settled_at: datetime | None, proposed_at: datetime
) -> None:
    """Refuse to approve what was proposed before the bank answered, or of an earlier attempt.

    status, settled_at: of the last attempt. is_last: whether the proposal is of that one.
    Raises: PayoutNotUnknown.
    """
    if not is_last or (settled_at is not None and settled_at > proposed_at):
        raise PayoutNotUnknown(status=status.value)


def check_decision(status: SettlementStatus, *, verdict: SettlementVerdict, is_own: bool) -> None:
    """Refuse to decide twice, or to approve one's own; one's own may be rejected.

    Raises: SettlementProposalDecided, OwnSettlementProposal.
    """
    if status is not SettlementStatus.PROPOSED:
        raise SettlementProposalDecided
    if is_own and verdict is SettlementVerdict.APPROVED:
        raise OwnSettlementProposal
