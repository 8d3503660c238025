"""Who may decide on a run of payouts, and whom it leaves out.

Source: docs/commissions.md, Payouts.
"""

from collections.abc import Mapping
from enum import StrEnum

from payment_service.verifications.rules import Verified
from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from perisai_kit.domain.month import Month


class RunKind(StrEnum):
    INCENTIVES = "incentives"
    TAX = "tax"


class RunStatus(StrEnum):
    """done: nothing of it is in flight, and nothing failed waits for an officer."""

    PREPARING = "preparing"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    RELEASED = "released"
    DONE = "done"


class OmissionReason(StrEnum):
    """Why a run leaves out what is owed to a payee. held: by an open hold, or forfeited.

    month_unproven: the second computation of the month has not agreed. in_debt: later statements
    took at least as much back.
    """

    HELD = "held"
    MONTH_UNPROVEN = "month_unproven"
    NO_ACCOUNT = "no_account"
    ACCOUNT_FROZEN = "account_frozen"
    HOLDER_UNCONFIRMED = "holder_unconfirmed"
    PAYEE_UNKNOWN = "payee_unknown"
    IN_DEBT = "in_debt"
    NOTHING_LEFT = "nothing_left"
    OVER_TRANSFER_MAX = "over_transfer_max"
    BATCH_FULL = "batch_full"


class RunVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class PayoutRunNotFound(NotFound):
    code = "payout_run_not_found"
    text = "There is no such payout run."
    text_id = "Proses pembayaran ini tidak ditemukan."


class PayoutRunStatusConflict(Conflict):
    """`details`: `status`, what it is now."""

    code = "payout_run_status"
    text = "The status of this payout run does not allow this."
    text_id = "Status proses pembayaran ini tidak memungkinkan tindakan ini."


class PayoutRunEmpty(Conflict):
    code = "payout_run_empty"
    text = "This run pays nobody. Reject it."
    text_id = "Proses ini tidak membayar siapa pun. Tolak saja."


class PayoutMonthOpen(Invalid):
    code = "payout_month_open"
    text = "Only closed months can be paid. Choose an earlier month."
    text_id = "Hanya bulan yang sudah ditutup yang dapat dibayar. Pilih bulan sebelumnya."


class PayoutMonthUnproven(Conflict):
    """`details`: `months`, those whose second computation is `pending` or `differs`."""

    code = "payout_month_unproven"
    text = "The second computation of a month has not agreed, so it is not paid. See the month."
    text_id = (
        "Penghitungan ulang suatu bulan belum selesai atau hasilnya berbeda, jadi bulan itu belum"
        " boleh dibayar."
    )


class TaxDueChanged(Conflict):
    """`details`: `amount`, what was proposed, and `due`, what is due now, in rupiah."""

    code = "tax_due_changed"
    text = (
        "What is due of this tax has changed. Reject this run, or give its payout up, and propose"
        " what is due now."
    )
    text_id = (
        "Pajak yang terutang sudah berubah. Tolak proses ini atau hentikan pembayarannya, lalu"
        " usulkan sesuai jumlah sekarang."
    )


class OwnPayoutRun(Forbidden):
    code = "own_payout_run"
    text = "You cannot approve or release your own proposal. Another person must do it."
    text_id = "Anda tidak dapat menyetujui atau mencairkan usulan sendiri. Harus orang lain."


DECIDABLE: dict[RunVerdict, frozenset[RunStatus]] = {
    RunVerdict.APPROVED: frozenset({RunStatus.PROPOSED}),
    RunVerdict.REJECTED: frozenset({RunStatus.PREPARING, RunStatus.PROPOSED, RunStatus.APPROVED}),
}
"""What a decision is possible on. What was released cannot be taken back."""


def check_decision(status: RunStatus, *, verdict: RunVerdict, is_own: bool, is_empty: bool) -> None:
    """Refuse to decide on what is past that, or to approve one's own; one's own may be rejected.

    Raises: PayoutRunStatusConflict, OwnPayoutRun, PayoutRunEmpty.
    """
    if status not in DECIDABLE[verdict]:
        raise PayoutRunStatusConflict(status=status.value)
    if verdict is RunVerdict.APPROVED:
        if is_own:
            raise OwnPayoutRun
        if is_empty:
            raise PayoutRunEmpty


def check_proven(verdicts: Mapping[Month, Verified]) -> None:
    """Refuse to pay months whose second computation has not agreed. Raises: PayoutMonthUnproven."""
    unproven = {
        str(month): verdict.value
        for month, verdict in sorted(verdicts.items())
        if verdict is not Verified.AGREES
    }
    if unproven:
        raise PayoutMonthUnproven(months=unproven)


def check_tax_due(amount: int, *, due: int) -> None:
    """Refuse to remit another amount than is due, in rupiah. Raises: TaxDueChanged."""
    if amount != due:
        raise TaxDueChanged(amount=amount, due=due)


def check_release(status: RunStatus, *, is_own: bool) -> None:
    """Refuse to release what is not approved, or one's own proposal.

    Raises: PayoutRunStatusConflict, OwnPayoutRun.
    """
    if status is not RunStatus.APPROVED:
        raise PayoutRunStatusConflict(status=status.value)
    if is_own:
        raise OwnPayoutRun
