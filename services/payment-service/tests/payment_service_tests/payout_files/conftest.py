"""A released run that is paid by file, and the officers of the tests of payouts."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from payment_service_tests.beginnings import Earned, Released
from payment_service_tests.payout_files.desk import Desk, Officer
from payment_service_tests.payouts.conftest import account, book, earn, office, officer

from payment_service.settings import Settings
from perisai_kit.testing.plugin import Begun, Step, Tokens

__all__ = ["account", "book", "earn", "office", "officer"]


@pytest.fixture
def desk(client: httpx.AsyncClient, officer: Officer) -> Desk:
    return Desk(client, officer)


@pytest.fixture
def beginning(
    request: pytest.FixtureRequest, settings: Settings, clock_file: Path, tokens: Tokens
) -> Sequence[Step]:
    """A released run of three agents and three wadahs, for those who ask for its id."""
    if "run_id" not in request.fixturenames:
        return []
    return [Earned((3, 4, 5), settings, clock_file), Released(settings, tokens)]


@pytest.fixture
def run_id(begun: Begun) -> UUID:
    """A released run of three agents and three wadahs."""
    run_id: UUID = begun.made.run_id
    return run_id
