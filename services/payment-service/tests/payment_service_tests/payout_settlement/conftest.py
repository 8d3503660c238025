import pytest
from payment_service_tests.payout_bank import Bank
from payment_service_tests.payout_world import AT_NOON, World

from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import BusinessTime


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def noon(business_time: BusinessTime) -> BusinessTime:
    """Business time at noon in Jakarta, before the cut-off."""
    business_time.at(AT_NOON)
    return business_time


@pytest.fixture
def world(database: Database, bank: Bank, settings: Settings, noon: BusinessTime) -> World:
    return World(database, bank, settings)
