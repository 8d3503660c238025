"""Whether what two people approved still holds when it is sent.

Source: docs/commissions.md, Payouts.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from payment_service.payees.rules import Payee, PayeeHold
from payment_service.payouts.rules import WithdrawalReason


def find_change(
    *,
    payee_id: UUID,
    bank_account_id: UUID,
    current_account_id: UUID | None,
    frozen_until: datetime | None,
    payees: Iterable[Payee],
    has_debt: bool,
    at: datetime,
) -> WithdrawalReason | None:
    """Return why a payout must not be sent any more; None: all of it still holds.

    bank_account_id: that it was approved for. current_account_id, frozen_until: of the payee's
    account now. payees: who is paid each of its statements, as things stand now. has_debt: whether
    somebody whom it pays for owes more than it deducts.
    """
    for each in payees:
        if each.held_reason is not None and each.held_reason is not PayeeHold.NO_ACCOUNT:
            return WithdrawalReason.HELD
        if each.id != payee_id:
            return WithdrawalReason.PAYEE_CHANGED
    if has_debt:
        return WithdrawalReason.DEBT_CHANGED
    if current_account_id != bank_account_id:
        return WithdrawalReason.ACCOUNT_CHANGED
    if frozen_until is not None and at < frozen_until:
        return WithdrawalReason.ACCOUNT_FROZEN
    return None


def find_tax_change(amount: int, *, due: int) -> WithdrawalReason | None:
    """Return why a remittance must not be sent any more: less is due than it would pay, in rupiah.

    Where more is due it goes, and the rest is remitted by another run.
    """
    return WithdrawalReason.TAX_CHANGED if amount > due else None
