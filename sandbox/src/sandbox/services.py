"""The processes of the platform, from services.toml."""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.ports import HOST, free_port

ROOT = Path(__file__).parents[3]
"""The checkout, if this package is installed in editable mode."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process. inner_port, database, client: None if it has none."""

    name: str
    command: tuple[str, ...]
    port: int
    inner_port: int | None
    ready: str
    database: str | None
    client: str | None
    sandbox: bool

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports of the process."""
        return (self.port,) if self.inner_port is None else (self.port, self.inner_port)

    @property
    def inner_url(self) -> str:
        """The URL of its metrics and feed: the inner port, if it has one."""
        return f"http://{HOST}:{self.inner_port or self.port}"

    @property
    def port_variables(self) -> dict[str, str]:
        """The variables for its ports."""
        names = (f"{self.prefix}PORT", f"{self.prefix}INNER_PORT")
        return dict(zip(names, map(str, self.ports), strict=False))

    def on_free_ports(self) -> "Service":
        """Return the same process on free ports."""
        return replace(
            self,
            port=free_port(),
            inner_port=None if self.inner_port is None else free_port(),
        )

    @property
    def prefix(self) -> str:
        """The prefix of its variables."""
        return f"PERISAI_{self.name.upper()}_"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the command with this interpreter and the ports in place."""
        given = {"port": self.port, "inner_port": self.inner_port}
        words = [word.format(**given) for word in self.command]
        if words[0] == "perisai-serve":  # its script need not be on the PATH
            words[:1] = [sys.executable, "-m", "perisai_kit"]
        return tuple(words)


def load_services(environment: Mapping[str, str] = os.environ) -> tuple[Service, ...]:
    """Read services.toml; PERISAI_<NAME>_PORT and _INNER_PORT change ports.

    Raises: SandboxError for an invalid port.
    """
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    return tuple(
        Service(
            name=name,
            command=tuple(entry["command"]),
            port=_port(environment, f"PERISAI_{name.upper()}_PORT", entry["port"]),
            inner_port=_port(environment, f"PERISAI_{name.upper()}_INNER_PORT", entry["inner_port"])
            if "inner_port" in entry
            else None,
            ready=entry["ready"],
            database=entry.get("database"),
            client=entry.get("client"),
            sandbox=entry.get("sandbox", False),
        )
        for name, entry in table.items()
    )


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable, "").strip() or str(default)
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise SandboxError(f"{variable} is {text!r}, which is no port.")
    return int(text)
