"""What may become of one attempt to move money. Source: docs/commissions.md, Payouts."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Invalid, NotFound

INTRABANK = "17"
INTERBANK = "18"
"""The services of the payment standard for a transfer. Source: docs/snap.md, Disbursement."""


class TransferStatus(StrEnum):
    """created: nothing has left us yet. unknown: sent, and nobody knows what the bank has done."""

    CREATED = "created"
    SENT = "sent"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class TransferSource(StrEnum):
    """Who reports what has become of a transfer."""

    OFFICER = "officer"
    WORKER = "worker"
    BANK_ANSWER = "bank_answer"
    STATUS_INQUIRY = "status_inquiry"
    BANK_STATEMENT = "bank_statement"
    BANK_FILE = "bank_file"


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported of a transfer.

    reference_no, response_code: the bank's; None where it gave none, which keeps earlier ones.
    reported_by: the officer; exactly where that is the source. executed_on: the Jakarta day on
    which the bank is said to have paid, or to have given the money back; None: nobody says.
    """

    source: TransferSource
    response_code: str | None = None
    reference_no: str | None = None
    reported_by: UUID | None = None
    executed_on: date | None = None


IN_FLIGHT = frozenset({TransferStatus.CREATED, TransferStatus.SENT, TransferStatus.UNKNOWN})
SETTLED = frozenset({TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.RETURNED})

TRANSITIONS: dict[TransferStatus, frozenset[TransferStatus]] = {
    TransferStatus.CREATED: frozenset({TransferStatus.SENT, TransferStatus.FAILED}),
    TransferStatus.SENT: frozenset(
        {
            TransferStatus.PAID,
            TransferStatus.FAILED,
            TransferStatus.UNKNOWN,
            TransferStatus.RETURNED,
        }
    ),
    TransferStatus.UNKNOWN: frozenset(
        {TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.RETURNED}
    ),
    # A bank may report late that it has paid what it called failed: only of the last attempt of a
    # payout that nobody has given up or tried again.
    TransferStatus.FAILED: frozenset({TransferStatus.PAID}),
    TransferStatus.PAID: frozenset({TransferStatus.RETURNED}),
    TransferStatus.RETURNED: frozenset(),
}
"""What may follow a status. A repeat of the same status changes nothing and is no transition."""


class PayoutTransferNotFound(NotFound):
    code = "payout_transfer_not_found"
    text = "There is no such transfer."
    text_id = "Transfer ini tidak ditemukan."


class PayoutTransferStatusConflict(Conflict):
    """`details`: `status`, what it is, and `to`, what was wanted."""

    code = "payout_transfer_status"
    text = "The status of this transfer does not allow this."
    text_id = "Status transfer ini tidak memungkinkan tindakan ini."


class ExecutionDayMissing(Invalid):
    code = "execution_day_missing"
    text = "Say on which day the bank moved the money. Its statement or letter shows the day."
    text_id = "Isi tanggal bank memindahkan uang. Lihat rekening koran atau surat dari bank."


class ExecutionDayUnused(Invalid):
    code = "execution_day_unused"
    text = "No money was moved, so there is no day of it. Leave the day out."
    text_id = "Tidak ada uang yang berpindah, jadi kosongkan tanggalnya."


class ExecutionDayImpossible(Invalid):
    """`details`: `first` and `last`, the days that are possible."""

    code = "execution_day_impossible"
    text = "This day is before the transfer was sent, or in the future. Correct it."
    text_id = "Tanggal ini sebelum transfer dikirim atau belum tiba. Perbaiki tanggalnya."


def is_known(*, at: TransferStatus, to: TransferStatus) -> bool:
    """Tell whether a report says nothing new: what came back was paid before."""
    return at is to or (at is TransferStatus.RETURNED and to is TransferStatus.PAID)


def is_possible(*, at: TransferStatus, to: TransferStatus) -> bool:
    """Tell whether a report agrees with what is stored."""
    return is_known(at=at, to=to) or to in TRANSITIONS[at]


def check_transition(*, at: TransferStatus, to: TransferStatus) -> bool:
    """Return whether a transfer changes; False: the report says nothing new.

    Raises: PayoutTransferStatusConflict.
    """
    if is_known(at=at, to=to):
        return False
    if to not in TRANSITIONS[at]:
        raise PayoutTransferStatusConflict(status=at.value, to=to.value)
    return True


def choose_service(*, from_bank: str, to_bank: str) -> str:
    """Return the service of the payment standard that moves money between two banks."""
    return INTRABANK if from_bank == to_bank else INTERBANK


def check_execution_day(
    day: date | None, *, is_moved: bool, sent_on: date, today: date, field: str = "executed_on"
) -> None:
    """Refuse a day that an officer gives and on which the bank cannot have moved the money.

    is_moved: whether it was moved at all. sent_on: of the transfer.
    Raises: ExecutionDayMissing, ExecutionDayUnused, ExecutionDayImpossible.
    """
    if day is None:
        if is_moved:
            raise ExecutionDayMissing(field=field)
        return
    if not is_moved:
        raise ExecutionDayUnused(field=field)
    if not sent_on <= day <= today:
        raise ExecutionDayImpossible(field=field, first=sent_on.isoformat(), last=today.isoformat())


def find_paid_day(stated: date | None, *, sent_on: date, today: date) -> date:
    """Return the day on which a transfer counts as paid: never before it was sent.

    stated: by the bank; None: the day on which it was sent, because it is executed at once.
    """
    return _clamp(stated or sent_on, first=sent_on, last=today)


def find_returned_day(stated: date | None, *, paid_on: date, today: date) -> date:
    """Return the day on which the money counts as given back: never before it was paid.

    stated: by the bank; None: today, because a return takes days and nobody knows how many.
    """
    return _clamp(stated or today, first=paid_on, last=today)


def _clamp(day: date, *, first: date, last: date) -> date:
    return min(max(day, first), last)
