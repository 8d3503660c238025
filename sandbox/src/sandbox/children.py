"""A server as our child for as long as a block lasts, ended by its own id."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from perisai_kit.runtime.tls import authorities
from sandbox import lifetime
from sandbox.errors import SandboxError
from sandbox.services import ROOT

READY_S = 90.0
STOP_S = 20.0


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, ready_url: str
) -> Iterator[int]:
    """Run a server while the block lasts; yield its process id once `ready_url` answers 200.

    It leads a group of its own: what it started itself ends with it.
    Raises: SandboxError with the last line it said when it does not come up, or is gone at the end.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lifetime.die_with_parent(signal.SIGTERM),
        )
    try:
        _wait_ready(process, ready_url, log)
        yield process.pid
        if process.poll() is not None:
            raise SandboxError(f"{log.stem} ended by itself: {_last_line(log)}")
    finally:
        _end(process)


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(url):
        if process.poll() is not None:
            raise SandboxError(f"{log.stem} does not start: {_last_line(log)}")
        if time.monotonic() > deadline:
            raise SandboxError(f"{log.stem} is not ready after {READY_S:.0f} s: {_last_line(log)}")
        time.sleep(lifetime.POLL_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, verify=authorities(), trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
