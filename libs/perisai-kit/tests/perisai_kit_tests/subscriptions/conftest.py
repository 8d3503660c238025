"""A table that the handlers of the tests write to."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import Urls


@pytest.fixture
async def effects(kit_database: Database, kit_urls: Urls) -> Callable[[], Any]:
    """A table for the handlers to write to; call it to read what took effect."""
    owner, role = Database(kit_urls.owner), kit_urls.app_role
    async with owner.begin() as session:
        await session.execute(text("CREATE TABLE effects (n bigserial, what text)"))
        await session.execute(text(f"GRANT SELECT, INSERT ON effects TO {role}"))
        await session.execute(text(f"GRANT USAGE ON SEQUENCE effects_n_seq TO {role}"))
    await owner.dispose()

    async def read() -> list[str]:
        async with kit_database.read() as session:
            return list(await session.scalars(text("SELECT what FROM effects ORDER BY n")))

    return read
