"""Whether what two people approved still holds when it is sent.

Source: docs/commissions.md, Payouts.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from payment_service.payees.rules import Payee, PayeeHold
from payment_service.payout_preparations.rules import AccountFacts
from payment_service.payouts.rules import WithdrawalReason


def find_change(
    *,
    payee_id: UUID,
    bank_account_id: UUID,
    account: AccountFacts | None,
    payees: Iterable[Payee],
    at: datetime,
) -> WithdrawalReason | None:
    """Return why a payout must not be sent any more; None: all of it still holds.

    bank_account_id: that it was approved for. account: the payee's current one. payees: who is paid
    each of its statements, as things stand now.
    """
    for each in payees:
        if each.held_reason is not None and each.held_reason is not PayeeHold.NO_ACCOUNT:
            return WithdrawalReason.HELD
        if each.id != payee_id:
            return WithdrawalReason.PAYEE_CHANGED
    if account is None or account.bank_account_id != bank_account_id:
        return WithdrawalReason.ACCOUNT_CHANGED
    if account.frozen_until is not None and at < account.frozen_until:
        return WithdrawalReason.ACCOUNT_FROZEN
    return None
