"""An embedded PostgreSQL: a child process with its own settings that ends with us."""

import atexit
import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from sandbox import binaries, lifetime, roles
from sandbox.errors import SandboxError
from sandbox.ports import HOST, free_port, is_free
from sandbox.roles import SUPERUSER, Passwords, Role

START_TIMEOUT_S = 60.0
"""Recovery after a crash may take long; otherwise a start takes less than a second."""
FAST_STOP_TIMEOUT_S = 30.0
FREE_BYTES = 256 * 1024 * 1024
"""The disk space for a new cluster with WAL and some data; checked before initdb."""
LOG_BYTES = 16 * 1024 * 1024
PORT_ATTEMPTS = 5
"""Attempts, because another program may take a free port before PostgreSQL binds it."""

SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    # Passwords are 192 random bits, so iterations add no protection. They cost each new connection
    # about 10 ms on both sides.
    "scram_iterations": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Without details, because details contain values of a refused row.
    "log_error_verbosity": "terse",
}
PRODUCTION = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
"""What a server needs besides for many members; Compose's has it, and that of measurements.
See "PostgreSQL's memory and checkpoints" in docs/deploy.md."""
UNSAFE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # It would visit hundreds of databases of tests in turn, none of which lives for long.
    "autovacuum": "off",
    # A DROP DATABASE waits for connections that an event loop at rest left half opened.
    "authentication_timeout": "10s",
}


class PortTaken(SandboxError):
    """The requested port is used by another process."""


class Postgres:
    """One server on one folder.

    Each database has two roles besides the superuser: `<database>_owner` owns it, `<database>_app`
    has only the rights it was granted; neither may connect to another database. Passwords are
    generated once and kept in the folder, readable by us alone.
    `start` must be called, or `spawn` at least, from the main thread for the server to end with
    a process that is killed; elsewhere the next start on the folder ends it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        fsync: bool = True,
        settings: Mapping[str, str] = SETTINGS,
    ) -> None:
        """fsync: False is for tests; a crash of the machine loses the data.

        settings: the server's, by name.
        """
        self.folder = folder.absolute()
        self.fsync = fsync
        self._settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._wanted_port = port
        self._port: int | None = None
        self._private: Path | None = None
        self._lock: IO[str] | None = None
        self._passwords = Passwords(self.folder / "passwords.json")
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"

    @property
    def port(self) -> int:
        if self._port is None:
            raise SandboxError("PostgreSQL has not been started.")
        return self._port

    def url(self, database: str, role: Role = "app", *, roles_of: str | None = None) -> str:
        """Return a connection string; its password has no special characters.

        roles_of: the database whose roles it has; its own when left out.
        """
        login = roles.get_login(role, roles_of or database)
        return f"postgresql://{login}:{self._passwords.of(login)}@{HOST}:{self.port}/{database}"

    def ensure_database(self, name: str, *, roles_of: str | None = None) -> None:
        """Create the database and its two roles where they are missing.

        roles_of: as for `url`.
        """
        for word in (name, roles_of or name):
            if not (word.isascii() and word.isidentifier() and len(word) <= 50):
                raise SandboxError(f"{word!r} is no name for a database.")
        owner, app = (roles.get_login(role, roles_of or name) for role in ("owner", "app"))
        for login in (owner, app):
            settings = self.query("postgres", roles.LIST_SETTINGS, login)
            if not settings:
                made = roles.CREATE_ROLE.format(password=self._passwords.of(login))
                self.query("postgres", made, login)
            if login == app and roles.APP_TIMEOUT not in settings:
                self.query("postgres", roles.LIMIT_APP, login)
        if not self.query("postgres", "SELECT 1 FROM pg_database WHERE datname = :'name'", name):
            self.query("postgres", roles.CREATE_DATABASE.format(owner=owner, app=app), name)

    def query(self, database: str, sql: str, name: str = "") -> str:
        """Run SQL as the superuser, each statement by itself.

        name: what psql puts, quoted, in the place of `:"name"` and `:'name'`.
        """
        program = binaries.installed() / "bin" / "psql"
        asked = [str(program), "-XqAtw", "-v", "ON_ERROR_STOP=1", "-v", f"name={name}"]
        asked += ["-h", HOST, "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        environment = {**_environment(), "PGPASSWORD": self._passwords.of(SUPERUSER)}
        done = subprocess.run(
            asked, input=sql, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SandboxError(f"PostgreSQL refused: {_last_line(done.stderr)}")
        return done.stdout.strip()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers queries.

        Raises: SandboxError, with PostgreSQL stopped again.
        """
        for attempt in range(PORT_ATTEMPTS):
            try:
                self.prepare()
                self.spawn()
                self.wait_ready()
                return
            except PortTaken:
                self.stop()
                self._port = None
                if self._wanted_port is not None or attempt + 1 == PORT_ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise

    def prepare(self) -> None:
        """Lock the folder, stop an earlier server in it, and create the cluster if it is new."""
        self._take_folder()
        self._end_earlier_server()
        self._passwords.load(has_data=self._data.exists())
        user = binaries.choose_user(self._data)
        if self._private is None:
            self._private = binaries.make_private_folder(user)
            (self.folder / "private_folder").write_text(str(self._private))
        if not self._data.exists():
            self._make_cluster(user)
        elif user.uid != self._data.stat().st_uid:
            raise SandboxError(f"{self._data} belongs to another user; start as that one.")

    def spawn(self) -> None:
        """Start the server after `prepare` without waiting; a restart uses the same port."""
        assert self._private is not None
        port = self._wanted_port or self._port or free_port()
        if not is_free(port):
            raise PortTaken(f"Port {port} is taken; choose another one for PostgreSQL.")
        self._port = port
        user = binaries.choose_user(self._data)
        own = {"port": str(port), "unix_socket_directories": f'"{self._private}"'}
        settings = {**self._settings, **own, **({} if self.fsync else UNSAFE)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.old"))
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [self._program("postgres", user), "-D", _as_seen_by(user, self._data), *options],
                cwd=self._data,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own process group, because PostgreSQL must stop last after Ctrl-C.
                start_new_session=True,
                preexec_fn=lifetime.die_with_parent(signal.SIGINT),
                **_credentials(user),
            )
        atexit.register(self.stop)

    def wait_ready(self) -> None:
        """Wait up to 60 s after `spawn` until the server answers; revoke public access."""
        answered = lifetime.wait_until(
            lambda: self._has_ended() or self.is_ready(), timeout_s=START_TIMEOUT_S
        )
        if self._has_ended():
            raise self._why_it_ended()
        if not answered:
            raise SandboxError(
                f"PostgreSQL is not ready after {START_TIMEOUT_S:.0f} s: {self._log}"
            )
        self.query("postgres", roles.CLOSE_COMMON)

    def stop(self) -> None:
        """Stop the server with a rollback of open transactions; kill it if that takes too long."""
        atexit.unregister(self.stop)
        if self.process is not None:
            self._stop_process(self.process)
            self.process = None
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
            (self.folder / "private_folder").unlink(missing_ok=True)
            self._private = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Delete the server's folder with all its data.

        Raises: SandboxError if another process uses it.
        """
        self._take_folder()
        try:
            self._end_earlier_server()
            shutil.rmtree(self.folder)
        finally:
            self.stop()

    def _take_folder(self) -> None:
        """Lock the folder until this process ends, so that two runs cannot use it."""
        if self._lock is not None:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SandboxError(f"Another run uses {self.folder}; stop it first.") from None
        self._lock = lock

    def _end_earlier_server(self) -> None:
        """Stop a server that outlived its killed parent, and remove its files."""
        pid_file = self._data / "postmaster.pid"
        pid = _first_number(pid_file)
        if pid is not None and lifetime.is_alive(pid) and lifetime.works_in(pid, self._data):
            stopped = lifetime.end_process(
                pid, signals=(signal.SIGINT, signal.SIGQUIT), timeout_s=FAST_STOP_TIMEOUT_S
            )
            if not stopped:
                raise SandboxError(f"An earlier PostgreSQL, process {pid}, does not stop.")
        # The workers of a killed server end by themselves, but use its memory until then.
        lifetime.wait_until(lambda: not lifetime.others_in(self._data), timeout_s=10)
        # The id may belong to another process now, which PostgreSQL would take for a server.
        pid_file.unlink(missing_ok=True)
        record = self.folder / "private_folder"
        if record.exists() and self._private is None:
            left = Path(record.read_text())
            if left.name.startswith(binaries.PREFIX):
                shutil.rmtree(left, ignore_errors=True)
            record.unlink()

    def _make_cluster(self, user: binaries.RunAs) -> None:
        """Run initdb in another place first, so that a killed one leaves no incomplete cluster."""
        assert self._private is not None
        if shutil.disk_usage(self.folder).free < FREE_BYTES:
            raise SandboxError(f"The disk of {self.folder} is full: PostgreSQL needs 256 MB.")
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = self._private / "password"
        password.touch(mode=0o600)
        password.write_text(self._passwords.of(SUPERUSER))
        if not user.is_us:
            os.chown(unfinished, user.uid, user.gid)
            os.chown(password, user.uid, user.gid)
        asked = [self._program("initdb", user), "-D", _as_seen_by(user, unfinished)]
        asked += ["-U", SUPERUSER, "--pwfile", str(password), "--auth=scram-sha-256"]
        asked += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        asked += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        done = subprocess.run(
            asked if self.fsync else [*asked, "--no-sync"],
            cwd=unfinished,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **_credentials(user),
        )
        password.unlink()
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise _explained(done.stderr, self.folder) or SandboxError(
                f"PostgreSQL could not make its folder: {_last_line(done.stderr)}"
            )
        unfinished.replace(self._data)

    def _program(self, name: str, user: binaries.RunAs) -> str:
        assert self._private is not None
        return str(binaries.for_user(user, self._private) / "bin" / name)

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _why_it_ended(self) -> SandboxError:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            text = log.read(LOG_BYTES).decode(errors="replace")
        if "Address already in use" in text:
            return PortTaken(f"Port {self.port} is taken; choose another one for PostgreSQL.")
        return _explained(text, self.folder) or SandboxError(
            f"PostgreSQL did not start: {_last_line(text)}"
        )

    def _stop_process(self, process: subprocess.Popen[bytes]) -> None:
        for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(signum)
            try:
                process.wait(FAST_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
            return


def _as_seen_by(user: binaries.RunAs, folder: Path) -> str:
    """Return a path to the working folder that the user can access.

    An unprivileged user may have no access to parent folders, such as /root. On Linux this link
    works without access to them.
    """
    return str(folder) if user.is_us else "/proc/self/cwd"


def _credentials(user: binaries.RunAs) -> dict[str, Any]:
    if user.is_us:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """Return the environment without the user's PG variables."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _explained(text: str, folder: Path) -> SandboxError | None:
    if "No space left on device" in text:
        return SandboxError(f"The disk of {folder} is full.")
    return None


def _last_line(text: str) -> str:
    """Return the most useful line of the output of a PostgreSQL program."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"FATAL|PANIC|ERROR:|error:", line)]
    return (telling or lines or ["it gave no reason"])[-1]
