from collections.abc import AsyncIterator, Callable

import pytest

from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()
