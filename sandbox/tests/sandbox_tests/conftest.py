"""The whole platform as `make run` starts it, once for all tests that look at it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from stage.commands import run_perisai
from stage.processes import CHEAP_HASHES

from perisai_kit.runtime.tls import get_ssl_context
from sandbox import lifetime

START_S = 300
"""A start takes some ten seconds; this is for a machine that does much else."""


class Running:
    """A platform in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file.unlink(missing_ok=True)  # of a run that was killed
        with (folder.parent / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "run", "--free-ports", "--folder", folder],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **CHEAP_HASHES},  # of some sixty sign-ins
            )
        assert lifetime.wait_until(self._is_settled, timeout_s=START_S)
        assert self.process.poll() is None, self.output()[-2000:]
        self.described: dict[str, Any] = json.loads(self.file.read_text())

    @property
    def file(self) -> Path:
        return self.folder / "sandbox.json"

    def _is_settled(self) -> bool:
        return self.file.exists() or self.process.poll() is not None

    def output(self) -> str:
        return (self.folder.parent / "output").read_text()

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.described["addresses"]["gateway"],
            timeout=30,
            verify=get_ssl_context(),
            trust_env=False,
        )

    def sign_in(self, username: str) -> dict[str, str]:
        """Return the Authorization header of a signed-in account."""
        grant = {
            "grant_type": "password",
            "username": username,
            "password": self.described["sign_ins"][username]["password"],
        }
        with self.client() as client:
            answer = client.post("/v1/auth/token", json=grant)
        assert answer.status_code == 200
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def find(self, path: str, username: str = "admin") -> Any:
        with self.client() as client:
            answer = client.get(path, headers=self.sign_in(username))
        assert answer.status_code == 200
        return answer.json()

    def is_ready(self) -> bool:
        try:
            answers = [
                httpx.get(
                    f"{url}/{'health' if name == 'fakebank' else 'ready'}",
                    verify=get_ssl_context(),
                    trust_env=False,
                )
                for name, url in self.described["addresses"].items()
            ]
        except httpx.TransportError:
            return False
        return all(answer.status_code == 200 for answer in answers)

    def children(self) -> dict[int, str]:
        """Return the processes it started, with their commands."""
        asked = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)]
        listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        rows = (line.strip().partition(" ") for line in listed.splitlines())
        return {int(pid): args for pid, _, args in rows}

    def child(self, part: str) -> int:
        return next(pid for pid, args in self.children().items() if part in args)

    def perisai(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a command for this sandbox."""
        return run_perisai(*words, "--folder", self.folder)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    @contextmanager
    def again(self) -> Iterator["Running"]:
        """Start once more in the same folder."""
        with running(self.folder) as second:
            yield second


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    platform = Running(folder)
    try:
        yield platform
    finally:
        if platform.process.poll() is None:
            platform.stop()


@pytest.fixture
def tmp_path(in_memory: Callable[[str], Path]) -> Iterator[Path]:
    """Return a folder that may become one of PostgreSQL."""
    folder = in_memory("test")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def platform(in_memory: Callable[[str], Path]) -> Iterator[Running]:
    """Start it with the whole sample data."""
    with running(in_memory("run") / "with blanks" / "folder") as started:
        yield started
