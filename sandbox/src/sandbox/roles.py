"""The roles in PostgreSQL: for each database an owner for migrations, and an app role.

deploy/postgres-init.sh creates the same roles; a test checks both.
"""

import json
import secrets
from pathlib import Path
from typing import Literal

from sandbox.errors import OlderSandbox, SandboxError
from sandbox.vault import write_private_json

Role = Literal["superuser", "owner", "app"]

SUPERUSER = "postgres"
OF_BEFORE = frozenset({"owner", "app"})
"""The shared roles of older folders."""


def get_login(role: Role, database: str) -> str:
    """Return the name of the role in PostgreSQL.

    Migrations derive the name of the app role from the owner: perisai_kit/db/migrations/steps.py.
    """
    return SUPERUSER if role == "superuser" else f"{database}_{role}"


class Passwords:
    """A password for each login, generated at first use and stored in a file.

    Passwords have no characters that need escaping in URLs or SQL.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._words: dict[str, str] = {}

    def load(self, *, has_data: bool) -> None:
        """Read the file, or begin a new one. has_data: there is a cluster with these passwords.

        Raises: SandboxError if the passwords are missing, or the cluster has the older roles.
        """
        if self._path.exists():
            self._words = json.loads(self._path.read_text())
        elif has_data:
            raise SandboxError(f"{self._path} is gone, and its data cannot be opened without it.")
        if OF_BEFORE & self._words.keys():
            raise OlderSandbox(self._path.parents[1])
        self.of(SUPERUSER)

    def of(self, login: str) -> str:
        """Return the password of a login; a new one is stored before it is used."""
        if login not in self._words:
            self._words[login] = secrets.token_hex(24)
            write_private_json(self._path, self._words)
        return self._words[login]


CLOSE_COMMON = """
    REVOKE ALL ON DATABASE postgres FROM PUBLIC;
    REVOKE ALL ON DATABASE template1 FROM PUBLIC;
"""
CREATE_ROLE = """
    CREATE ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION
        NOBYPASSRLS PASSWORD '{password}';
"""
LIST_SETTINGS = "SELECT coalesce(rolconfig, '{}') FROM pg_roles WHERE rolname = :'name'"
"""Nothing where there is no such role."""
APP_TIMEOUT = "transaction_timeout=60s"
"""A transaction of a service that takes so long is ended: twice the time of a request. Longer work
says so itself (`allow_minutes` of perisai_kit/db/engine.py)."""
LIMIT_APP = """
    ALTER ROLE :"name" SET transaction_timeout = '60s';
"""
CREATE_DATABASE = """
    CREATE DATABASE :"name" OWNER {owner};
    REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
    GRANT CONNECT ON DATABASE :"name" TO {app};
"""
