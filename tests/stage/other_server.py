"""Another server of PostgreSQL, or of an engine that speaks its protocol, for the tests.

`PERISAI_TEST_POSTGRES_URL` is the address of a superuser, with the database to connect to first:
see docs/scale.md, Portability.
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import asyncpg
from stage.connections import connect

from sandbox.roles import Role, get_login

VARIABLE = "PERISAI_TEST_POSTGRES_URL"


class OtherServer:
    """The interface of `sandbox.postgres.Postgres` that the fixtures of databases use."""

    def __init__(self, url: str) -> None:
        self._asked = urlsplit(url)
        self._url = url
        # A new one for each run: what an earlier run left behind is of no use to anybody.
        self._passwords = {
            get_login(role, name): secrets.token_hex(24)
            for role in ("owner", "app")
            for name in ("gateway", "agent", "member", "payment", "kit")
        }
        self._made: set[str] = set()

    @property
    def port(self) -> int:
        return self._asked.port or 5432

    def url(self, database: str, role: Role = "app", *, roles_of: str | None = None) -> str:
        """Return the address of a database for a role."""
        if role == "superuser":
            return self._asked._replace(path=f"/{database}").geturl()
        login = get_login(role, roles_of or database)
        place = f"{login}:{self._passwords[login]}@{self._asked.hostname}:{self.port}"
        return f"postgresql://{place}/{database}"

    def ensure_database(self, name: str, *, roles_of: str | None = None) -> None:
        """Create a database and its two roles, in place of what an earlier run has left."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, self._ensure(name, roles_of or name)).result()

    async def _ensure(self, name: str, service: str) -> None:
        owner, app = get_login("owner", service), get_login("app", service)
        async with connect(self._url) as connection:
            for login in (owner, app):
                await self._ensure_role(connection, login)
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await connection.execute(f'CREATE DATABASE "{name}" OWNER {owner}')
            await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
            await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {app}')

    async def _ensure_role(
        self, connection: "asyncpg.Connection[asyncpg.Record]", login: str
    ) -> None:
        if login in self._made:
            return
        exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", login)
        verb = "ALTER" if exists else "CREATE"
        password = self._passwords[login]
        await connection.execute(f"{verb} ROLE {login} LOGIN NOINHERIT PASSWORD '{password}'")
        self._made.add(login)
