"""The output of `perisai run`: one short line per request, warnings, no repetitions.

With PERISAI_LOG=json every line of every process is printed unchanged, for programs.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import Any

import typer

from sandbox.errors import SandboxError
from sandbox.log_files import LogFiles, parse_line, shorten_id, wrap_text

REQUEST_EVENTS = frozenset({"http.answered", "http.forwarded"})
SHOWN_SERVICES = frozenset({"gateway", "fakebank"})
"""Processes with external requests; requests between services are only in their files."""
UNSHOWN_ROUTES = frozenset(
    {
        "/feed",
        "/health",
        "/ready",
        "/ready/details",
        "/metrics",
        "/.well-known/jwks.json",
        "/v1/revocations",
    }
)
EXPECTED = frozenset(
    {
        "keys.fetch_failed",
        "revocations.fetch_failed",
        "sequencer.interrupted",
        "sign_in.failed",
        "subscription.interrupted",
    }
)
"""Expected warnings while other processes start or stop; they are retried.

The refused sign-in is the seed's check for an administrator.
"""
COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
UNSHOWN_FIELDS = frozenset({"event", "service", "level", "timestamp", "exception", "account_id"})
SILENT_S, REMIND_EVERY_S = 3.5, 0.5
"""Nobody should look at a screen on which nothing moves for five seconds."""
WIDTH = 8
"""Of the names before the lines."""


class Phase(Enum):
    """The phase of a run."""

    STARTING = auto()
    SERVING = auto()
    STOPPING = auto()


class Output:
    """Writes each line of each process to its file, and prints the important ones."""

    def __init__(
        self,
        files: LogFiles,
        *,
        write: Callable[[str], None],
        as_json: bool = False,
        get_time: Callable[[], float] = time.monotonic,
    ) -> None:
        """write: gets one line of text, with colours. get_time: returns seconds."""
        self._files = files
        self._write = write
        self._as_json = as_json
        self._get_time = get_time
        self._lock = threading.Lock()
        self._step = "starting"
        self._step_began_at = self._shown_at = get_time()
        self.phase = Phase.STARTING
        self._is_kept = True

    @contextmanager
    def reminding(self) -> Iterator[None]:
        """Never be silent for five seconds while the processes start."""
        done = threading.Event()

        def watch() -> None:
            while self.phase is Phase.STARTING and not done.wait(REMIND_EVERY_S):
                self.remind()

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()

    def remind(self) -> None:
        """Show how long the present step of the start has taken, when nothing else was shown."""
        with self._lock, suppress(BrokenPipeError):
            now = self._get_time()
            is_silent = now - self._shown_at >= SILENT_S
            if is_silent and self.phase is Phase.STARTING and not self._as_json:
                self._shown_at = now
                seconds = now - self._step_began_at
                self._write(f"{'sandbox':<{WIDTH}} {self._step}: {seconds:.0f} s")

    def __call__(self, name: str, line: str) -> None:
        """Handle a line of a process, or about it."""
        with self._lock:
            self._take(name, line)

    def _take(self, name: str, line: str) -> None:
        fields = parse_line(line)
        as_json = line if fields is not None else wrap_text(name, line)
        self._keep(name, as_json)
        if self._as_json:
            shown: str | None = as_json
        elif fields is None:
            shown = f"{name:<{WIDTH}} {line}"
        else:
            shown = short_line(name, fields, self.phase)
        if shown is None:
            return
        self._shown_at = self._get_time()
        if name == "sandbox":
            self._step, self._step_began_at = line, self._shown_at
        # The reader has closed the pipe, as in `make run | head`; the platform goes on.
        with suppress(BrokenPipeError):
            self._write(shown)

    def _keep(self, name: str, line: str) -> None:
        try:
            self._files.write(name, line)
        except OSError as error:  # for example a full disk; the processes go on
            if self._is_kept:
                self._is_kept = False
                self._write(f"{'sandbox':<{WIDTH}} the logs cannot be written: {error.strerror}")

    def show_box(self, lines: Iterator[str]) -> None:
        """Print the summary after the start; one line in JSON mode."""
        self.phase = Phase.SERVING
        with suppress(BrokenPipeError):
            if self._as_json:
                self._write(wrap_text("sandbox", "Perisai is ready."))
            else:
                self._write("\n".join(lines))


def wants_json(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether PERISAI_LOG selects JSON lines. Raises: SandboxError for another value."""
    asked = environment.get("PERISAI_LOG", "").strip() or "short"
    if asked not in ("short", "json"):
        raise SandboxError(f"PERISAI_LOG is {asked!r}; it may be short or json.")
    return asked == "json"


def short_line(name: str, fields: Mapping[str, Any], phase: Phase) -> str | None:
    """Return a log line in short form, or None if it is not important."""
    if fields["event"] in REQUEST_EVENTS:
        return _request_line(name, fields, phase)
    level = str(fields.get("level", "info"))
    if level not in COLOURS:
        return None
    if phase is not Phase.SERVING and fields["event"] in EXPECTED:
        return None
    return typer.style(f"{name:<{WIDTH}} {level} {_explain(fields)}", fg=COLOURS[level])


def _request_line(name: str, fields: Mapping[str, Any], phase: Phase) -> str | None:
    status = int(fields["status"])
    is_failure = status >= 500
    if phase is not Phase.SERVING or fields["route"] in UNSHOWN_ROUTES:
        return None
    if name not in SHOWN_SERVICES and not is_failure:
        return None
    text = (
        f"{status} {fields['method']} {fields['route']} "
        f"{float(fields['duration_ms']):.0f} ms {shorten_id(str(fields['request_id']))}"
    )
    shown = text if name == "gateway" else f"{text} ({name})"
    return typer.style(shown, fg="red" if is_failure else "yellow") if status >= 400 else shown


def _explain(fields: Mapping[str, Any]) -> str:
    """Return an event with its fields; an exception as its type and place."""
    words = [str(fields["event"])]
    for key, value in fields.items():
        if key == "request_id":
            words.append(shorten_id(str(value)))
        elif value is not None and key not in UNSHOWN_FIELDS:
            words.append(f"{key}={value}")
    causes = fields.get("exception") or [{}]
    if isinstance(causes, list) and (frames := causes[0].get("frames")):
        words.append(f"{causes[0]['type']} at {frames[-1]}")
    return " ".join(words)
