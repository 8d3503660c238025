"""A forfeited hold, with the officers of the tests of holds."""

from typing import Any

import httpx
import pytest
from payment_service_tests.incentive_holds.conftest import beginning, dismissed, officer
from payment_service_tests.incentive_holds.test_holds import Officer, decide, list_holds
from payment_service_tests.village import Village

__all__ = ["beginning", "dismissed", "officer"]


@pytest.fixture
async def forfeited(
    client: httpx.AsyncClient, officer: Officer, dismissed: Village
) -> dict[str, Any]:
    """The hold of the dismissed agent, forfeited by two officers."""
    (hold,) = await list_holds(client, officer())
    await decide(client, officer, hold["id"], "forfeit")
    return hold
