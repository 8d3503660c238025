"""The databases of tests: migrated templates, made once per run, and their clones."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import asyncpg
from alembic import command
from alembic.config import Config

from perisai_kit.services.migrate import build_alembic_config

Result = TypeVar("Result")
KIT = "kit"
"""The roles of a database that belongs to no service."""


class PostgresServer(Protocol):
    """The interface of the root conftest's fixture `postgres`."""

    @property
    def port(self) -> int: ...

    def url(self, database: str, role: Any = ..., *, roles_of: str | None = ...) -> str: ...

    def ensure_database(self, name: str, *, roles_of: str | None = ...) -> None: ...


@dataclass(frozen=True)
class Urls:
    """The addresses of one database, for the running service and for the owner.

    service: has the roles `<service>_app` and `<service>_owner`, as in production.
    """

    name: str
    app: str
    owner: str
    service: str = KIT

    @property
    def app_role(self) -> str:
        return f"{self.service}_app"


def run_in_thread(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on its own thread and event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class _Superuser:
    """A connection to one server, on a thread and event loop of its own.

    It is kept, because opening one takes as much processor time as dropping a database.
    """

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()

    def execute(self, *statements: str) -> None:
        self._thread.submit(self._runner.run, self._execute(statements)).result()

    def close(self) -> None:
        self._thread.submit(self._runner.run, self._close()).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    async def _execute(self, statements: Sequence[str]) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url())
        for statement in statements:
            await self._connection.execute(statement)

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


@dataclass
class Databases:
    """Migrated templates and their clones, with each service's own roles.

    migrated: the services whose templates the server has already.
    """

    postgres: PostgresServer
    migrated: set[str] = field(default_factory=set)
    _shared: dict[str, Urls] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._superuser = _Superuser(lambda: self.postgres.url("postgres", "superuser"))

    def close(self) -> None:
        """End the connection. The databases stay until they are dropped or the server ends."""
        self._superuser.close()

    def _urls(self, name: str, service: str) -> Urls:
        app, owner = (self.postgres.url(name, role, roles_of=service) for role in ("app", "owner"))
        return Urls(name, app, owner, service)

    def alembic_config(self, service: str, owner_url: str) -> Config:
        return build_alembic_config(service, owner_url)

    def template(self, service: str) -> str:
        """Return the name of the service's migrated template."""
        name = f"template_{service}"
        if service not in self.migrated:
            self.postgres.ensure_database(name, roles_of=service)
            config = self.alembic_config(service, self._urls(name, service).owner)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(command.upgrade, config, "head").result()
            self.migrated.add(service)
        return name

    def empty(self, service: str = KIT) -> Urls:
        """Return a new database without tables."""
        name = f"empty_{secrets.token_hex(6)}"
        self.postgres.ensure_database(name, roles_of=service)
        return self._urls(name, service)

    def clone(self, service: str) -> Urls:
        """Return a fresh database with the service's tables; about 40 ms."""
        return self.copy(self.template(service), service)

    def shared(self, service: str) -> Urls:
        """Return the shared clone for tests that roll back."""
        if service not in self._shared:
            self._shared[service] = self.clone(service)
        return self._shared[service]

    def copy(self, template: str, service: str) -> Urls:
        """Return a copy of a database of the service that is not in use."""
        name = f"{service}_{secrets.token_hex(6)}"
        self._superuser.execute(
            # The default strategy writes every page to the WAL, which takes five times as long.
            f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'
            f" OWNER {service}_owner",
            f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
            f'GRANT CONNECT ON DATABASE "{name}" TO {service}_app',
        )
        return self._urls(name, service)

    def drop(self, urls: Urls) -> None:
        self._superuser.execute(f'DROP DATABASE IF EXISTS "{urls.name}" WITH (FORCE)')
