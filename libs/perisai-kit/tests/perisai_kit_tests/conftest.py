"""A database with the kit's tables and nothing else, and a small service on top of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from fastapi import APIRouter, FastAPI

from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.settings import ServiceSettings
from perisai_kit.services.app import create_app, create_kit, describe_routes
from perisai_kit.testing.plugin import Databases, Urls, Wire

MIGRATIONS = Path(__file__).parent / "migrations"


class KitSettings(ServiceSettings):
    service: str = "perisai-kit"


@pytest.fixture(scope="session")
def kit_template(databases: Databases) -> Urls:
    """The database with the kit's tables for tests that roll back."""
    urls = databases.empty()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", urls.owner.replace("%", "%%"))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, "head").result()
    return urls


@pytest.fixture
def kit_urls(databases: Databases, kit_template: Urls) -> Iterator[Urls]:
    """A fresh database with the kit's tables."""
    urls = databases.copy(kit_template.name, "kit")
    yield urls
    databases.drop(urls)


@pytest.fixture
async def kit_database(kit_urls: Urls, keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(kit_urls.app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.fixture
def make_kit_app(
    make_settings: Callable[..., Any], kit_urls: Urls, wire: Wire
) -> Callable[..., FastAPI]:
    """Build a service of these routers: `make_kit_app(router)`. urls: of another database."""

    def make(
        *routers: APIRouter, urls: Urls = kit_urls, run_worker: bool = False, **more: Any
    ) -> FastAPI:
        settings = make_settings(KitSettings, urls, run_worker=run_worker)
        kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
        return create_app(kit, title="kit", routes=describe_routes(*routers), **more)

    return make
