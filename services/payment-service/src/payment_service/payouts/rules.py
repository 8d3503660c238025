"""What a payout is, and what may become of it. Source: docs/money.md, Payouts."""

from enum import StrEnum

from payment_service.payout_transfers.rules import TransferStatus

PayoutStatus = TransferStatus
"""A payout has the status of its last transfer; `created` before it has one."""


class PayoutPayee(StrEnum):
    """treasury: the state, for tax that was withheld."""

    AGENT = "agent"
    WADAH = "wadah"
    TREASURY = "treasury"


class WithdrawalReason(StrEnum):
    """Why a payout will not be sent, or not again: its statements may be paid by a later run.

    held to payee_changed: found when its run was released.
    """

    RUN_REJECTED = "run_rejected"
    HELD = "held"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_FROZEN = "account_frozen"
    PAYEE_CHANGED = "payee_changed"
    GIVEN_UP = "given_up"


class StatementPayoutStatus(StrEnum):
    """What of a statement: returned means that the bank gave the money back, so it is open again.

    in_payment: in a run that is not over, or sent.
    """

    UNPAID = "unpaid"
    IN_PAYMENT = "in_payment"
    PAID = "paid"
    RETURNED = "returned"
