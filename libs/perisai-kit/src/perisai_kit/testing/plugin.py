"""The pytest plugin: real PostgreSQL, tokens, the network between services, and time.

The root conftest defines the fixture `postgres`; a service's conftest defines `shared_urls` and
`make_app`. `database`, `session` and `client` use one outer transaction that is rolled back after
each test; the tests of a module may share what they begin with (`beginning`). `own_database` clones
a database for tests that need real commits (races, feeds, idempotency).
"""

import base64
import os
import pickle
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.settings import ServiceSettings
from perisai_kit.testing.beginnings import Beginnings, Begun, Step
from perisai_kit.testing.databases import Databases, PostgresServer, Urls, run_in_thread
from perisai_kit.testing.network import GATEWAY, ISSUER, Tokens, Wire
from perisai_kit.testing.savepoints import send_savepoints_as_text

__all__ = [
    "GATEWAY",
    "ISSUER",
    "Begun",
    "BusinessTime",
    "Databases",
    "MakeApp",
    "Step",
    "Tokens",
    "Urls",
    "Wire",
    "make_secret",
    "open_app_client",
    "run_in_thread",
]

Settings = TypeVar("Settings", bound=ServiceSettings)


@pytest.fixture(scope="session")
def migrated() -> frozenset[str]:
    """Names of services whose template databases already exist; see the root conftest."""
    return frozenset()


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer, migrated: frozenset[str]) -> Iterator[Databases]:
    made = Databases(postgres, set(migrated))
    yield made
    made.close()


@pytest.fixture
def own_database(databases: Databases) -> Iterator[Callable[[str], Urls]]:
    """Clone a fresh database: `urls = own_database("member")`. Dropped after the test."""
    made: list[Urls] = []

    def clone(name: str) -> Urls:
        made.append(databases.clone(name))
        return made[-1]

    yield clone
    for urls in made:
        databases.drop(urls)


@pytest.fixture(scope="session")
def shared_urls() -> Urls:
    """The shared database of a service's tests that roll back.

    Each service's conftest defines it: `return databases.shared("member")`.
    """
    raise pytest.UsageError("this folder's conftest must define the fixture `shared_urls`")


def make_secret() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(scope="session")
def test_secrets() -> dict[str, str]:
    """Generated secrets for this run."""
    return {
        "data_keys": f"k1:{make_secret()}",
        "lookup_key": make_secret(),
        "client_secret": make_secret(),
    }


@pytest.fixture(scope="session")
def keyring(test_secrets: dict[str, str]) -> Keyring:
    return Keyring.parse(test_secrets["data_keys"], test_secrets["lookup_key"])


class BusinessTime:
    """The test clock of all apps in this process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, instant: datetime) -> None:
        clock.follow_test_clock(self.path, sandbox=True)
        clock.set_test_clock(self.path, instant)

    def real(self) -> None:
        self.path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def clock_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clock") / "clock.json"


@pytest.fixture
def business_time(clock_file: Path) -> Iterator[BusinessTime]:
    time = BusinessTime(clock_file)
    yield time
    time.real()


@pytest.fixture(scope="session")
def make_settings(test_secrets: dict[str, str], clock_file: Path) -> Callable[..., Any]:
    """Build settings: `make_settings(Settings, urls, **more)`.

    The same ones again for the same values and the same environment: to look there for each of some
    eighty variables takes longer than most tests.
    """
    made: dict[tuple[type, bytes], Any] = {}

    def make(kind: type[Settings], urls: Urls, **more: Any) -> Settings:
        values: dict[str, Any] = {
            **test_secrets,
            "database_url": urls.app,
            "gateway_url": GATEWAY,
            "issuer": ISSUER,
            "sandbox": True,
            "clock_file": clock_file,
            "run_worker": False,
            **more,
        }
        environment = {name: text for name, text in os.environ.items() if "PERISAI" in name}
        known = (kind, pickle.dumps((values, environment)))  # some values are lists
        if known not in made:
            made[known] = kind(**values)
        return cast(Settings, made[known])

    return make


@pytest.fixture(scope="session")
async def pools(keyring: Keyring) -> AsyncIterator[Callable[[Urls], Database]]:
    """Connection pools that tests share, so that the driver's caches stay warm."""
    made: dict[str, Database] = {}

    def pool(urls: Urls) -> Database:
        if urls.name not in made:
            # As long as it lives, it prepares nearly every statement once.
            url = f"{urls.app}?prepared_statement_cache_size=2000"
            made[urls.name] = Database(url, keyring=keyring, pool_size=2)
            send_savepoints_as_text(made[urls.name].engine)
        return made[urls.name]

    yield pool
    for database in made.values():
        await database.dispose()


@pytest.fixture(scope="module")
async def beginnings(
    shared_urls: Urls, pools: Callable[[Urls], Database], clock_file: Path
) -> AsyncIterator[Beginnings]:
    """What the tests of a module begin with, if they have a `beginning`."""
    beginnings = Beginnings(pools(shared_urls), clock_file)
    yield beginnings
    await beginnings.end()


@pytest.fixture
def beginning() -> Sequence[Step]:
    """The steps that a test begins with, each taken once for the tests of a module.

    Folders and modules with such steps define it.
    """
    return ()


@pytest.fixture
async def begun(
    beginnings: Beginnings, beginning: Sequence[Step], business_time: BusinessTime
) -> AsyncIterator[Begun]:
    """The database after the `beginning`, and what its last step returned."""
    async with beginnings.begin(beginning) as begun:
        yield begun


@pytest.fixture
def database(begun: Begun) -> Database:
    """A database with savepoints of one transaction; what a test does is rolled back."""
    return begun.database


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.begin() as session:
        yield session


@pytest.fixture(scope="session")
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def wire(tokens: Tokens) -> Wire:
    return Wire(tokens)


@asynccontextmanager
async def open_app_client(app: FastAPI, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client for an app in this process, and run its start and stop."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=headers
        ) as client:
            yield client


MakeApp = Callable[..., FastAPI]
"""`make_app(database=…, wire=…)` of a service's conftest."""


@pytest.fixture
async def client(
    make_app: MakeApp, database: Database, wire: Wire
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, in the transaction of the test."""
    async with open_app_client(make_app(database=database, wire=wire)) as client:
        yield client
