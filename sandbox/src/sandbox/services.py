"""The processes of the platform as deploy/services.toml names them."""

import os
import shlex
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.ports import HOST

ROOT = Path(__file__).parents[3]
"""The checkout; all packages are installed from it in place."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process: `database`, `alembic` and `client` are None where it has none."""

    name: str
    command: str
    port: int
    ready: str
    database: str | None
    alembic: Path | None
    client: str | None
    sandbox: bool

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def prefix(self) -> str:
        """The beginning of its variables' names."""
        return f"PERISAI_{self.name.upper()}_"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the command with this interpreter and port in place."""
        words = shlex.split(self.command.replace("{port}", str(self.port)))
        return tuple(sys.executable if word == "python" else word for word in words)


def load_services(environment: Mapping[str, str] = os.environ) -> tuple[Service, ...]:
    """Read deploy/services.toml; PERISAI_<NAME>_PORT in the environment changes a port.

    Raises: SandboxError when such a variable is no port.
    """
    table = tomllib.loads((ROOT / "deploy" / "services.toml").read_text())
    return tuple(
        Service(
            name=name,
            command=entry["command"],
            port=_port(environment, name, entry["port"]),
            ready=entry["ready"],
            database=entry.get("database"),
            alembic=ROOT / entry["alembic"] if "alembic" in entry else None,
            client=entry.get("client"),
            sandbox=entry.get("sandbox", False),
        )
        for name, entry in table.items()
    )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    variable = f"PERISAI_{name.upper()}_PORT"
    text = environment.get(variable, "").strip() or str(default)
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise SandboxError(f"{variable} is {text!r}, which is no port.")
    return int(text)
