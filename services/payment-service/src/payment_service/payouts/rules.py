"""What a payout is, and what may become of it. Source: docs/commissions.md, Payouts."""

import re
from enum import StrEnum

from payment_service.payout_transfers.rules import TransferStatus
from perisai_kit.domain.errors import Conflict, NotFound

PayoutStatus = TransferStatus
"""A payout has the status of its last transfer; `created` before it has one."""


class PayoutPayee(StrEnum):
    """treasury: the state, for tax that was withheld."""

    AGENT = "agent"
    WADAH = "wadah"
    TREASURY = "treasury"


class WithdrawalReason(StrEnum):
    """Why a payout will not be sent, or not again: its statements may be paid by a later run.

    held to tax_changed: found when it happened, when its run was released, or before it was sent,
    also again. debt_changed: somebody whom it pays for owes more than it deducts. tax_changed: less
    tax is due than two people approved to remit.
    """

    RUN_REJECTED = "run_rejected"
    HELD = "held"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_FROZEN = "account_frozen"
    PAYEE_CHANGED = "payee_changed"
    DEBT_CHANGED = "debt_changed"
    TAX_CHANGED = "tax_changed"
    GIVEN_UP = "given_up"


class StatementPayoutStatus(StrEnum):
    """What of a statement: returned means that the bank gave the money back, so it is open again.

    in_payment: in a run that is not over, or sent.
    """

    UNPAID = "unpaid"
    IN_PAYMENT = "in_payment"
    PAID = "paid"
    RETURNED = "returned"


LIVE = frozenset({StatementPayoutStatus.IN_PAYMENT, StatementPayoutStatus.PAID})
"""Of a statement that no other payout may take."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class PayoutNotFound(NotFound):
    code = "payout_not_found"
    text = "There is no such payout, or you may not see it."
    text_id = "Pembayaran insentif tidak ditemukan, atau Anda tidak berwenang melihatnya."


class PayoutNotFailed(Conflict):
    """`details`: `status`, what it is."""

    code = "payout_not_failed"
    text = "Only a failed payout can be tried again. One that was sent cannot be given up."
    text_id = (
        "Hanya pembayaran yang gagal yang dapat diulang. Yang sudah dikirim tidak dapat dihentikan."
    )


class PayoutWithdrawn(Conflict):
    """`details`: `reason`, why it was withdrawn."""

    code = "payout_withdrawn"
    text = "This payout was withdrawn. A later run pays its statements."
    text_id = "Pembayaran ini sudah dibatalkan. Rekapnya dibayar pada proses berikutnya."


class PayoutAccountReplaced(Conflict):
    code = "payout_bank_account_changed"
    text = "The payee has another bank account now, or it is frozen. Give this payout up."
    text_id = "Rekening penerima sudah diganti atau sedang dibekukan. Hentikan pembayaran ini."


class PayoutOutdated(Conflict):
    """`details`: `reason`, what has changed."""

    code = "payout_outdated"
    text = "What was approved no longer holds. Give this payout up; a later run pays what is due."
    text_id = (
        "Persetujuan pembayaran ini tidak berlaku lagi. Hentikan pembayaran ini; yang terutang"
        " dibayar pada proses berikutnya."
    )


def check_repeatable(
    status: PayoutStatus, withdrawn: WithdrawalReason | None, *, is_waiting: bool = False
) -> None:
    """Refuse to try again, or to give up, what has not failed or was withdrawn.

    is_waiting: its attempt was not sent yet, so it can be given up.
    Raises: PayoutWithdrawn, PayoutNotFailed.
    """
    if withdrawn is not None:
        raise PayoutWithdrawn(reason=withdrawn.value)
    if status is not PayoutStatus.FAILED and not is_waiting:
        raise PayoutNotFailed(status=status.value)


UNSENT = frozenset({PayoutStatus.CREATED, PayoutStatus.FAILED})
"""Of a payout that no bank has, and that can be withdrawn."""


def may_be_paid_late(status: PayoutStatus, *, is_withdrawn: bool) -> bool:
    """Tell whether a failed attempt of a payout may still turn out paid.

    Not once the payout was tried again or given up: somebody must look at it.
    """
    return status is PayoutStatus.FAILED and not is_withdrawn


def find_reason_code(response_code: str | None) -> str:
    """Return what an event gives as the reason: a bank's code, where it is one."""
    is_code = response_code is not None and _CODE.fullmatch(response_code)
    return response_code if response_code and is_code else "unknown"
