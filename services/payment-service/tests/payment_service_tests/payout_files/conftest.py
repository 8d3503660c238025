"""A released run that is paid by file, and the officers of the tests of payouts."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest
from payment_service_tests.payout_files.desk import Desk, Officer
from payment_service_tests.payouts.conftest import account, book, earn, office, officer

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.testing_commissions import Village
from payment_service.testing_payouts import Office
from perisai_kit.domain.month import Month

__all__ = ["account", "book", "earn", "office", "officer"]
NOVEMBER = Month(2025, 11)
Earn = Callable[..., Awaitable[list[Village]]]


@pytest.fixture
def desk(client: httpx.AsyncClient, officer: Officer) -> Desk:
    return Desk(client, officer)


@pytest.fixture
async def run_id(office: Office, account: PayoutAccount, earn: Earn) -> UUID:
    """A released run of three agents and three wadahs."""
    await earn(3, 4, 5)
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.release(run_id)
    return run_id
