"""The environment of a measurement: PostgreSQL with fsync, databases, and services."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.results import BenchError
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.connections import do_all_accept
from sandbox.children import Child, run_server
from sandbox.databases import migrate
from sandbox.environment import build_environment
from sandbox.lifetime import wait_until
from sandbox.postgres import PRODUCTION, SETTINGS, Postgres
from sandbox.roles import Role
from sandbox.services import ROOT, Service, load_services
from sandbox.vault import Secrets, load_secrets

SPARE_BYTES = 12 * 1024**3
"""What a measurement may need on the disk beside a copy: WAL, and what it writes."""
START_S = 60.0
"""Until all processes of a service accept connections, after the first one does."""
USED_UP = "used-up"
"""A file in the folder of a stage of which a database was changed."""


@dataclass(slots=True)
class Stage:
    """A temporary folder with one PostgreSQL server, removed after the measurement."""

    folder: Path
    postgres: Postgres
    services: dict[str, Service]
    secrets: Secrets
    _copies: int = field(default=0)
    _roles_of: dict[str, str] = field(default_factory=dict)
    """Maps a database copy to the service that owns its roles."""

    def keyring(self, name: str) -> Keyring:
        """Return the key ring of a service."""
        own = self.secrets.services[name]
        return Keyring.parse(own.data_keys, own.lookup_key)

    def migrate(self, *names: str) -> None:
        """Create and migrate the databases of these services."""
        migrate([self.services[name] for name in names], self.postgres)

    def copy(self, source: str, *, name: str | None = None) -> str:
        """Copy an unused database with its statistics; return the name of the copy."""
        self._copies += 1
        name = name or f"{source}_{self._copies}"
        service = self._roles_of[name] = self._roles_of.get(source, source)
        self.postgres.query(
            "postgres",
            f'CREATE DATABASE :"name" TEMPLATE {source} OWNER {service}_owner STRATEGY FILE_COPY;'
            ' REVOKE ALL ON DATABASE :"name" FROM PUBLIC;'
            f' GRANT CONNECT ON DATABASE :"name" TO {service}_app;',
            name,
        )
        # The writes of the copy must not be flushed during a measurement.
        self.postgres.query("postgres", "CHECKPOINT")
        return name

    @contextmanager
    def borrow(self, name: str, *, spare_bytes: int = SPARE_BYTES) -> Iterator[str]:
        """Yield a copy of a database that may be changed, and drop it.

        Where the disk has no room for a copy, it is the database itself, and the stage is used up.
        spare_bytes: what has to be free beside the copy.
        """
        size = self.count("postgres", f"SELECT pg_database_size('{name}')")
        if shutil.disk_usage(self.folder).free < size + spare_bytes:
            (self.folder / USED_UP).touch()
            yield name
            return
        copy = self.copy(name)
        try:
            yield copy
        finally:
            self.drop(copy)

    @property
    def is_used_up(self) -> bool:
        """Whether a database was changed because there was no room for a copy of it."""
        return (self.folder / USED_UP).exists()

    def drop(self, name: str) -> None:
        """Drop a copy, to free disk space."""
        self.postgres.query("postgres", 'DROP DATABASE :"name" WITH (FORCE)', name)

    def count(self, database: str, sql: str) -> int:
        """Return the one number that a query returns."""
        return int(self.postgres.query(database, sql))

    def url(self, database: str, role: Role = "app") -> str:
        roles_of = self._roles_of.get(database, database)
        return self.postgres.url(database, role, roles_of=roles_of)

    def has(self, database: str) -> bool:
        """Return whether a database exists."""
        asked = "SELECT count(*) FROM pg_database WHERE datname = :'name'"
        return self.postgres.query("postgres", asked, database) == "1"

    def environment(self, name: str, database: str) -> dict[str, str]:
        """Return the environment of a process, as in production, with workers off."""
        variables = build_environment(
            self.services[name],
            tuple(self.services.values()),
            secrets=self.secrets,
            database_url=self.url(database),
            folder=self.folder,
        )
        if name != "gateway":  # outside a sandbox it needs a sender for one-time codes
            variables["PERISAI_SANDBOX"] = "0"
            del variables["PERISAI_CLOCK_FILE"]
        return {**variables, "RUN_WORKER": "0"}

    @contextmanager
    def run(
        self,
        name: str,
        *,
        database: str,
        processes: int = 1,
        ready: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Iterator[int]:
        """Run a service in the block, with workers off; yield its process id.

        processes: several share one port. ready: path of the readiness check, when it is not the
        usual one.
        """
        service = self.services[name]
        command = [*service.arguments]
        if processes > 1:
            command += ["--processes", str(processes)]
        with run_server(
            command,
            environment={**self.environment(name, database), **(variables or {})},
            log=self.folder / f"{name}.log",
            ready_url=f"{service.url}{ready or service.ready}",
        ) as pid:
            if processes > 1 and not wait_until(
                lambda: do_all_accept(pid, port=service.port, processes=processes),
                timeout_s=START_S,
            ):
                raise BenchError(f"{name} does not run in {processes} processes")
            yield pid

    @contextmanager
    def run_worker(self, name: str, *, database: str) -> Iterator[None]:
        """Run the worker of a service in the block as a process of its own.

        Raises: BenchError if it has ended meanwhile.
        """
        words = self.services[name].arguments
        command = [*words[: words.index(name) + 1], "--worker"]
        log = self.folder / f"{name}-worker.log"
        child = Child(command, environment=self.environment(name, database), log=log)
        try:
            yield
            if not child.is_running:
                raise BenchError(f"{log.stem} has ended: {child.last_line()}")
        finally:
            child.end()


@contextmanager
def open_stage(kept: Path | None = None, *, durable: bool = True) -> Iterator[Stage]:
    """Open a stage in the checkout's data folder, and remove it at the end.

    kept: a folder of its own that is not removed. durable: fsync is on, because durable commits are
    measured, and the server is set up as Compose's. PERISAI_ variables of the environment are
    ignored.
    """
    signal.signal(signal.SIGTERM, _leave)
    for variable in [each for each in os.environ if each.startswith(("PERISAI_", "RUN_WORKER"))]:
        del os.environ[variable]
    with _open_folder(kept) as folder:
        services = {each.name: each.on_free_ports() for each in load_services()}
        settings = {**SETTINGS, **(PRODUCTION if durable else {})}
        with Postgres(folder / "postgres", fsync=durable, settings=settings) as postgres:
            yield Stage(folder, postgres, services, load_secrets(folder))


@contextmanager
def _open_folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    base = ROOT / ".perisai"
    base.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=base, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _leave(*_: object) -> None:
    """Exit in an orderly way on SIGTERM."""
    raise SystemExit(128 + signal.SIGTERM)
