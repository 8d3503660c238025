"""Who may sign in to PostgreSQL: for each database an owner, who migrates, and an app, that runs.

deploy/postgres-init.sh makes the same roles; a test tries both.
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
"""The roles of all databases together, in folders of before there were roles for each."""


def login_of(role: Role, database: str) -> str:
    """Return what the role is called in PostgreSQL.

    Migrations find the app's name by the owner's: perisai_kit/db/migrations.py.
    """
    return SUPERUSER if role == "superuser" else f"{database}_{role}"


class Passwords:
    """A password for each login, made when first asked for and kept in a file.

    They hold nothing that an address or SQL would have to escape.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._words: dict[str, str] = {}

    def load(self, *, has_data: bool) -> None:
        """Read the file, or begin one. has_data: there is a cluster that these passwords open.

        Raises: SandboxError when the cluster cannot be opened or has the roles of before.
        """
        if self._path.exists():
            self._words = json.loads(self._path.read_text())
        elif has_data:
            raise SandboxError(f"{self._path} is gone, and its data cannot be opened without it.")
        if OF_BEFORE & self._words.keys():
            raise OlderSandbox(self._path.parents[1])
        self.of(SUPERUSER)

    def of(self, login: str) -> str:
        """Return the login's password; one that is new is on the disk before it is used."""
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
CREATE_DATABASE = """
    CREATE DATABASE :"name" OWNER {owner};
    REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
    GRANT CONNECT ON DATABASE :"name" TO {app};
"""
