"""What may become of one attempt to move money. Source: docs/commissions.md, Payouts."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, NotFound

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
    reported_by: the officer; exactly where that is the source.
    """

    source: TransferSource
    response_code: str | None = None
    reference_no: str | None = None
    reported_by: UUID | None = None


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


def check_transition(*, at: TransferStatus, to: TransferStatus) -> bool:
    """Return whether a transfer changes; False: it has this status already.

    Raises: PayoutTransferStatusConflict.
    """
    if at is to:
        return False
    if to not in TRANSITIONS[at]:
        raise PayoutTransferStatusConflict(status=at.value, to=to.value)
    return True


def choose_service(*, from_bank: str, to_bank: str) -> str:
    """Return the service of the payment standard that moves money between two banks."""
    return INTRABANK if from_bank == to_bank else INTERBANK
