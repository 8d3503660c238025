"""The whole platform as real processes: start, look, kill, stop."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from stage.connections import connect

from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.network import Network
from sandbox.children import Child, run_server
from sandbox.demo.clients import TIMEOUT_S, Actor, Bank, Watch, open_client
from sandbox.environment import CLOCK_FILE, build_environment
from sandbox.errors import SandboxError
from sandbox.run import DESCRIPTION_FILE
from sandbox.services import load_services
from sandbox.vault import load_secrets

ON_THE_PLATFORM = ("tests/e2e/", "tests/faults/", "tests/outside/")
"""The folders of the tests that share one platform; they run next to each other in one process."""
BEGAN_AT = datetime.fromisoformat("2026-10-01T09:00:00+07:00")
START_S = 300
"""A start takes some ten seconds; this is for a machine that does much else."""
STOP_S = 120
PORT_ATTEMPTS = 3
"""A free port may be taken by somebody else before the process binds it."""
DATABASES = ("gateway", "agent", "member", "payment")
MANY = "1000000"
UNHURRIED = {
    "PERISAI_GATEWAY_REQUESTS_OF_ACCOUNT": MANY,
    "PERISAI_GATEWAY_RATE_LIMITS": json.dumps(
        dict.fromkeys(("public", "auth", "standard", "heavy"), int(MANY))
    ),
    "PERISAI_GATEWAY_OTP_SENDS_PER_ADDRESS": MANY,
    "PERISAI_GATEWAY_PASSWORD_ATTEMPTS_PER_ADDRESS": MANY,
}
"""All tests come from one address; what counts tries of one name or number stays as it is."""
CHEAP_HASHES = {
    "PERISAI_GATEWAY_PASSWORD_HASH_KIB": "8",
    "PERISAI_GATEWAY_PASSWORD_HASH_PASSES": "1",
}
"""The least that argon2id can do; only a sandbox takes it."""
NO_WAY_OUT = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
"""A proxy of the machine that leads nowhere: nothing here may depend on one."""


class Platform:
    """One folder of the sandbox, its processes and their logs."""

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        """environment: more variables of its processes."""
        self.folder = home / "with a blank" / "data"
        self.logs = home / "with a blank" / "logs"
        self.logs.mkdir(parents=True)
        self.described: dict[str, Any] = {}
        self._child: Child | None = None
        self._ports: dict[str, str] = {}
        self._environment = {**NO_WAY_OUT, **UNHURRIED, **CHEAP_HASHES, **(environment or {})}

    def start(self) -> None:
        """Start and wait until everything is ready, on the ports it had before."""
        if not self.folder.exists():
            # The agents of the sandbox begin to work before the business time of the tests.
            self.folder.mkdir(mode=0o700, parents=True)
            clock.set_test_clock(self.folder / CLOCK_FILE, BEGAN_AT)
        for attempt in range(PORT_ATTEMPTS):
            if attempt or not self._ports:
                self._ports = {}
                for service in load_services():
                    self._ports |= service.on_free_ports().port_variables
            said = self._start_once()
            if said is None:
                return
            if "is taken" not in said:
                break
        raise AssertionError(f"the platform does not start: {said}")

    def _start_once(self) -> str | None:
        """Return None once all is ready, or the end of what it said."""
        script = Path(__file__).with_name("run_platform.py")
        self._child = Child(
            # -u is what PYTHONUNBUFFERED is to a service that starts by its command.
            [sys.executable, "-u", script, self.folder, self.logs],
            environment={**os.environ, **self._ports, **self._environment},
            log=self.logs / "stage.log",
            end_with=signal.SIGINT,
        )
        try:
            self._child.wait_ready(self._description.exists, timeout_s=START_S)
        except SandboxError:
            self.end()
            return self._last_words()
        self.described = json.loads(self._description.read_text())
        clock.set_test_clock(self.folder / CLOCK_FILE, None)
        return None

    def _last_words(self) -> str:
        ends = [(path.stem, path.read_text()[-1000:]) for path in sorted(self.logs.glob("*.log"))]
        return "\n".join(f"--- {name}\n{text}" for name, text in ends)

    @property
    def _description(self) -> Path:
        return self.folder / DESCRIPTION_FILE

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        assert self._child is not None
        return self._child.stop(timeout_s=STOP_S)

    def end(self) -> None:
        """Stop in any case; the kernel ends the children of one that must be killed."""
        if self._child is not None and self._child.is_running:
            self._child.end(timeout_s=STOP_S)

    def address(self, name: str) -> str:
        return str(self.described["addresses"][name])

    def inner_address(self, name: str) -> str:
        """Return where a process shows its metrics."""
        return next(each.inner_url for each in load_services(self._ports) if each.name == name)

    def children(self) -> dict[int, str]:
        """Return the processes that the platform started, with their names."""
        assert self._child is not None
        asked = ["ps", "-o", "pid=,comm=", "--ppid", str(self._child.pid)]
        listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        rows = (line.split(maxsplit=1) for line in listed.splitlines())
        return {int(pid): name for pid, name in rows}

    def child(self, name: str) -> int | None:
        """Return the id of a process, or None while it is down."""
        found = [pid for pid, its_name in self.children().items() if its_name == name]
        return found[0] if found else None

    def kill(self, name: str) -> int:
        """End one process at once, as a power cut would; return its id."""
        pid = self.child(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def another(self, name: str) -> Iterator[str]:
        """Run one more process of a service, its worker off; yield its address."""
        services = load_services(self._ports)
        (service,) = [each for each in services if each.name == name]
        more = service.on_free_ports()
        variables = build_environment(
            service,
            services,
            secrets=load_secrets(self.folder),
            database_url=self.described["databases"][name]["app"],
            folder=self.folder,
        )
        with run_server(
            more.arguments,
            environment={**variables, "RUN_WORKER": "0"},
            log=self.logs / f"another-{name}.log",
            ready_url=more.url + more.ready,
        ):
            yield more.url

    async def is_ready(self) -> bool:
        """Tell whether every process says that it can serve."""
        async with httpx.AsyncClient(transport=Network(), timeout=TIMEOUT_S) as http:
            try:
                for service in load_services():
                    answer = await http.get(f"{self.address(service.name)}{service.ready}")
                    if answer.status_code != 200:
                        return False
            except httpx.TransportError:
                return False
        return True

    def http(self, name: str, watch: Watch | None = None) -> httpx.AsyncClient:
        return open_client(self.address(name), watch)

    @asynccontextmanager
    async def staff(self, username: str) -> AsyncIterator[Actor]:
        """Let somebody of the staff sign in."""
        async with self.http("gateway") as http:
            actor = Actor(http, device_id=f"stage-{username}")
            await actor.sign_in_with_password(username, self.password(username))
            yield actor

    @asynccontextmanager
    async def bank(self) -> AsyncIterator[Bank]:
        async with self.http("fakebank") as http:
            yield Bank(http)

    def password(self, username: str) -> str:
        return str(self.described["sign_ins"][username]["password"])

    @contextmanager
    def business_time(self, at: datetime) -> Iterator[None]:
        """Let all processes believe that it is `at`."""
        clock_file = Path(self.described["clock_file"])
        clock.set_test_clock(clock_file, at)
        try:
            yield
        finally:
            clock.set_test_clock(clock_file, None)

    def keyring(self, name: str) -> Keyring:
        """Return the keys of a service."""
        own = load_secrets(self.folder).services[name]
        return Keyring.parse(own.data_keys, own.lookup_key)

    def database(
        self, name: str
    ) -> AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]:
        """Open a database as its owner, who may read everything."""
        return connect(self.described["databases"][name]["owner"])
