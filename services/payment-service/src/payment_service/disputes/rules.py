"""What may be disputed, by when it is answered, and which status follows which.

Source: docs/commissions.md, Disputes. A dispute changes no money: facts are corrected where they
belong.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound, check_one_given
from perisai_kit.domain.month import Month


class DisputeStatus(StrEnum):
    """answered_upheld: what is booked stands. answered_corrected: a fact was corrected."""

    OPEN = "open"
    ANSWERED_UPHELD = "answered_upheld"
    ANSWERED_CORRECTED = "answered_corrected"
    WITHDRAWN = "withdrawn"


class DisputeOutcome(StrEnum):
    UPHELD = "upheld"
    CORRECTED = "corrected"


ANSWERED = {
    DisputeOutcome.UPHELD: DisputeStatus.ANSWERED_UPHELD,
    DisputeOutcome.CORRECTED: DisputeStatus.ANSWERED_CORRECTED,
}


class DisputeNotFound(NotFound):
    code = "dispute_not_found"
    text = "There is no such dispute, or you may not see it."
    text_id = "Sanggahan ini tidak ditemukan, atau Anda tidak berwenang melihatnya."


class DisputedLineNotFound(NotFound):
    code = "disputed_line_not_found"
    text = "There is no such commission line of yours. Check the line and its month."
    text_id = "Baris insentif ini tidak ditemukan pada insentif Anda. Periksa baris dan bulannya."


class DisputedPaymentNotFound(NotFound):
    code = "disputed_payment_not_found"
    text = "There is no such payment of one of your members."
    text_id = "Pembayaran peserta binaan Anda dengan nomor ini tidak ditemukan."


class DisputedPaymentHasLines(Conflict):
    code = "disputed_payment_has_lines"
    text = "This payment has earned you commission. Dispute its commission line instead."
    text_id = "Pembayaran ini sudah menghasilkan insentif. Sanggah baris insentifnya saja."


class DisputeUnclear(Invalid):
    code = "dispute_unclear"
    text = "Send either line_id with earned_month, or payment_id."
    text_id = "Isi line_id beserta earned_month, atau payment_id saja."


class DisputeOpen(Conflict):
    code = "dispute_open"
    text = "You have an open dispute about this. Wait for its answer, or withdraw it."
    text_id = "Masih ada sanggahan Anda tentang hal ini. Tunggu jawabannya, atau tarik kembali."


class DisputeClosed(Conflict):
    """`details`: `status`."""

    code = "dispute_closed"
    text = "This dispute was answered or withdrawn."
    text_id = "Sanggahan ini sudah dijawab atau ditarik."


class OwnDispute(Forbidden):
    code = "own_dispute"
    text = "You cannot answer your own dispute. Another person must answer it."
    text_id = "Anda tidak dapat menjawab sanggahan sendiri. Harus dijawab orang lain."


def find_due(opened_at: datetime, *, answer_days: int) -> datetime:
    """Return by when a dispute is to be answered."""
    return opened_at + timedelta(days=answer_days)


def is_overdue(status: DisputeStatus, *, due_at: datetime, now: datetime) -> bool:
    """Tell whether a dispute waits longer than promised."""
    return status is DisputeStatus.OPEN and due_at <= now


def check_open(status: DisputeStatus) -> None:
    """Refuse to answer or withdraw twice. Raises: DisputeClosed."""
    if status is not DisputeStatus.OPEN:
        raise DisputeClosed(status=status)


def check_answerer(by: UUID, *, opened_by: UUID) -> None:
    """Refuse to answer one's own dispute. Raises: OwnDispute."""
    if by == opened_by:
        raise OwnDispute


def check_subject(line_id: int | None, earned_month: Month | None, payment_id: UUID | None) -> None:
    """Refuse anything but a line with its month, or a payment. Raises: DisputeUnclear."""
    check_one_given(DisputeUnclear, line_id=line_id, payment_id=payment_id)
    if (line_id is None) is not (earned_month is None):
        raise DisputeUnclear(field="earned_month")
