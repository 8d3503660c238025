"""Child processes: start, wait until ready, stop by process id."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from sandbox import lifetime
from sandbox.errors import SandboxError
from sandbox.services import ROOT

READY_S = 90.0
STOP_S = 20.0
ANSWER_S = 5.0

Fork = Callable[[Sequence[str], Mapping[str, str]], NoReturn]
"""Does in a fork of this process what a command with this environment would do, and exits."""

_OPENER = build_opener(ProxyHandler({}))


def is_answering(url: str) -> bool:
    """Tell whether a GET of `url` returns 200, without a proxy."""
    try:
        with _OPENER.open(url, timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        error.close()
        return False
    except (OSError, HTTPException):  # not started yet, or stopped meanwhile
        return False


def start_options(
    end_with: signal.Signals, instead: Callable[[], NoReturn] | None = None
) -> dict[str, Any]:
    """Return the options of every child: its own process group, and its end when we die.

    So Ctrl-C in the terminal reaches only this process, which stops its children in order.
    instead: what the child does in place of the command.
    """
    ask = lifetime.die_with_parent(end_with)

    def begin() -> None:
        if ask is not None:
            ask()
        if instead is not None:
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # as subprocess does before a command
            instead()

    return {
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "preexec_fn": begin if ask or instead else None,
    }


class Child:
    """A program with its output in a log file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        log: Path,
        end_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start the program. end_with: the signal that stops it, also when we die."""
        self._log = log
        self._end_with = end_with
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdout=output,
                stderr=output,
                **start_options(end_with),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, is_ready: Callable[[], bool], *, timeout_s: float = READY_S) -> None:
        """Wait until the process is ready. Raises: SandboxError with its last line if it is not."""
        settled = lifetime.wait_until(
            lambda: not self.is_running or is_ready(), timeout_s=timeout_s
        )
        if not self.is_running:
            raise SandboxError(f"{self._log.stem} does not start: {self.last_line()}")
        if not settled:
            raise SandboxError(
                f"{self._log.stem} is not ready after {timeout_s:.0f} s: {self.last_line()}"
            )

    def stop(self, *, timeout_s: float = STOP_S) -> int:
        """Stop it and return its exit code. Raises: TimeoutExpired if it does not stop."""
        self._process.send_signal(self._end_with)
        return self._process.wait(timeout_s)

    def end(self, *, timeout_s: float = STOP_S) -> None:
        """Stop it and its own children in any case."""
        with suppress(subprocess.TimeoutExpired):
            self.stop(timeout_s=timeout_s)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_line(self) -> str:
        """Return the last line of its output."""
        said = self._log.read_text(errors="replace").splitlines()
        lines = [line for line in said if line.strip()]
        return lines[-1][:300] if lines else "it said nothing"


@contextmanager
def run_server(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, ready_url: str
) -> Iterator[int]:
    """Run a server during the block; yield its process id once `ready_url` returns 200.

    Raises: SandboxError with its last line if it does not start, or has ended early.
    """
    child = Child(command, environment=environment, log=log)
    try:
        child.wait_ready(lambda: is_answering(ready_url))
        yield child.pid
        if not child.is_running:
            raise SandboxError(f"{log.stem} ended by itself: {child.last_line()}")
    finally:
        child.end()
