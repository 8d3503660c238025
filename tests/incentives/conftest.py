"""The databases of three services, for months that pass in them."""

from collections.abc import Callable
from typing import Any

import pytest
from incentives.simulation import Services

from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls


@pytest.fixture
async def services(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    make_settings: Callable[..., Settings],
    business_time: BusinessTime,
) -> Any:
    urls = {name: own_database(name) for name in ("agent", "member", "payment")}
    opened = {name: Database(each.app, keyring=keyring) for name, each in urls.items()}
    settings = make_settings(
        Settings, urls["payment"], member_url="http://member", agent_url="http://agent"
    )
    yield Services(**opened, keyring=keyring, settings=settings, set_clock=business_time.at)
    for database in opened.values():
        await database.dispose()
