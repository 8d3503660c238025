"""When an agent can say whether they received what a wadah was paid for them.

Source: docs/commissions.md, Payouts.
"""

from payment_service.payouts.rules import PayoutPayee, PayoutStatus
from perisai_kit.domain.errors import Conflict


class PayoutNotPaidToWadah(Conflict):
    code = "payout_not_paid_to_wadah"
    text = "You confirm only what was paid to your wadah for you."
    text_id = "Yang dikonfirmasi hanya insentif yang sudah dibayarkan ke wadah untuk Anda."


def check_confirmable(payee: PayoutPayee, status: PayoutStatus) -> None:
    """Refuse to confirm what was not paid, or not to a wadah. Raises: PayoutNotPaidToWadah."""
    if payee is not PayoutPayee.WADAH or status is not PayoutStatus.PAID:
        raise PayoutNotPaidToWadah
