"""What agent-service's feed tells of the bank accounts of payees."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payees import service as payees
from payment_service.payouts import service
from perisai_kit.events.catalogue import BankAccountChanged

ACCOUNTS = "payouts.accounts"
"""The subscription to agent-service's feed. The name is its cursor's key: never rename it."""


async def on_accounts_changed(session: AsyncSession, events: Sequence[BankAccountChanged]) -> None:
    """Withdraw what was not sent to an account that is not the current one any more.

    The accounts are stored as well, for what is sent again: `commissions.agents` may read later.
    """
    await payees.take_accounts(session, events)
    await service.withdraw_to(session, {each.holder_id: each.bank_account_id for each in events})
