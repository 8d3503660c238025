"""What the tests of all packages share: one PostgreSQL a process."""

import asyncio
import gc
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
import uvloop
from stage.other_server import VARIABLE, OtherServer

from perisai_kit.testing.databases import Databases
from sandbox import binaries, lifetime
from sandbox.ports import free_port, is_free
from sandbox.postgres import Postgres

# Few examples in every run, many in a long one (HYPOTHESIS_PROFILE=soak). No deadline: a busy
# machine is no failure.
hypothesis.settings.register_profile("check", max_examples=10, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))

# The event loop of production, which also takes a sixth less of the time of most tests.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

pytest_plugins = ("stage.fixtures", "stage.forks")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the search for garbage, and never search what was collected: it all stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


@contextmanager
def _open_memory() -> Iterator[Callable[[str], Path]]:
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    parent = MEMORY if has_room else Path(tempfile.gettempdir())
    for left in parent.glob(f"{IN_MEMORY}*"):  # of a run that was killed
        if not lifetime.is_alive(int(left.name.removeprefix(IN_MEMORY))):
            shutil.rmtree(left, ignore_errors=True)
    whole = parent / f"{IN_MEMORY}{os.getpid()}"
    whole.mkdir(mode=0o700, exist_ok=True)
    yield lambda name: Path(tempfile.mkdtemp(prefix=f"{name}-", dir=whole))
    shutil.rmtree(whole)


@pytest.fixture(scope="session")
def in_memory() -> Iterator[Callable[[str], Path]]:
    """Make folders for databases, in memory where it has room: `in_memory("postgres")`.

    A database is some 700 files. To copy one takes a tenth of the processor time there.
    """
    with _open_memory() as make:
        yield make


MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 * 1024**3
IN_MEMORY = "perisai-tests-"


SERVICES = ("gateway", "agent", "member", "payment")
MIGRATED = pytest.StashKey[Path]()
"""The folder of a cluster that has a migrated template of each service."""


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Migrate a template of each database once, and not once a process that is forked."""
    options = session.config.option
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    is_needed = options.processes and not options.collectonly and "databases" in fixtures
    if not is_needed or VARIABLE in os.environ:
        return (yield)
    with _open_memory() as make_folder:
        migrated = session.config.stash[MIGRATED] = make_folder("migrated")
        with Postgres(migrated, fsync=False) as server:
            databases = Databases(server)
            for service in SERVICES:
                databases.template(service)
            databases.close()
        return (yield)


def _copy_cluster(made: Path, folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole = [made / "data", made / "passwords.json"]
    subprocess.run(["cp", "-a", *whole, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def with_cluster(in_memory: Callable[[str], Path]) -> Callable[[Path], Path]:
    """Copy a cluster to where a server will start: `Postgres(with_cluster(tmp_path))`.

    initdb makes it once a process; that takes ten times as much processor time as a copy.
    """
    made = in_memory("cluster")
    server = Postgres(made, fsync=False)
    server.prepare()
    server.stop()
    return partial(_copy_cluster, made)


@pytest.fixture(scope="session")
def migrated(pytestconfig: pytest.Config) -> frozenset[str]:
    """Names of services whose template databases already exist on the server of this run."""
    return frozenset(SERVICES if MIGRATED in pytestconfig.stash else ())


@pytest.fixture(scope="session")
def postgres(
    request: pytest.FixtureRequest, in_memory: Callable[[str], Path], pytestconfig: pytest.Config
) -> Iterator[Postgres | OtherServer]:
    """A server of this run's own on a free port; databases are made as tests need them.

    `make portability` names another one, which needs only some of what `Postgres` has.
    """
    if url := os.environ.get(VARIABLE):
        yield OtherServer(url)
        return
    folder = in_memory("postgres")
    if made := pytestconfig.stash.get(MIGRATED, None):
        _copy_cluster(made, folder)
    else:
        request.getfixturevalue("with_cluster")(folder)
    with Postgres(folder, fsync=False) as server:
        yield server


class PgBouncer:
    """The real one in transaction mode, with few server connections that all clients share."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def pooled(self, url: str) -> str:
        """Start one in front of the database at `url` and return the address to use instead."""
        asked = urlsplit(url)
        user = binaries.choose_user(Path("none yet"))
        folder, port = binaries.make_private_folder(user), free_port()
        users, settings = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{asked.username}" "{asked.password}"\n')
        settings.write_text(
            "[databases]\n"
            f"* = host={asked.hostname} port={asked.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 200\n"
        )
        # Not as root, which it refuses to be.
        unprivileged = {} if user.is_us else {"user": user.uid, "group": user.gid}
        process = subprocess.Popen(
            [PGBOUNCER, "-q", settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lifetime.die_with_parent(signal.SIGINT),
            **unprivileged,  # type: ignore[call-overload]  # two numbers, by name
        )
        self._running.append((process, folder))
        assert lifetime.wait_until(lambda: not is_free(port), timeout_s=30)
        return url.replace(f":{asked.port}/", f":{port}/")

    def stop(self) -> None:
        for process, folder in self._running:
            process.terminate()
            process.wait(30)
            shutil.rmtree(folder)


PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"


@pytest.fixture(scope="module")
def pgbouncer(postgres: Postgres) -> Iterator[PgBouncer]:
    if not Path(PGBOUNCER).exists():
        pytest.skip("there is no PgBouncer on this machine")
    started = PgBouncer(postgres)
    yield started
    started.stop()
