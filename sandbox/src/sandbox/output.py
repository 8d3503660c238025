"""What `perisai run` prints: one short line a request, warnings, and nothing that only repeats.

With PERISAI_LOG=json every line of every process is printed as it is, for machines.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import typer

from sandbox.errors import SandboxError
from sandbox.log_files import LogFiles, parse_line, shorten_id, wrap_text

REQUEST_EVENTS = frozenset({"http.answered", "http.forwarded"})
SHOWN_SERVICES = frozenset({"gateway", "fakebank"})
"""Where requests come from outside; what they ask the services stands in the services' files."""
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
"""What processes say while others start or stop, and try again by themselves.

The refused sign-in is the seed's, which asks so whether there is an administrator yet.
"""
COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
UNSHOWN_FIELDS = frozenset({"event", "service", "level", "timestamp", "exception", "account_id"})
WIDTH = 8
"""Of the names before the lines."""


class Phase(Enum):
    """Where a run stands."""

    STARTING = auto()
    SERVING = auto()
    STOPPING = auto()


class Output:
    """Takes each line of each process; keeps it in its file and prints what is worth reading."""

    def __init__(
        self, files: LogFiles, *, write: Callable[[str], None], as_json: bool = False
    ) -> None:
        """write: takes one line of text, with colours in it."""
        self._files = files
        self._write = write
        self._as_json = as_json
        self.phase = Phase.STARTING
        self._is_kept = True

    def __call__(self, name: str, line: str) -> None:
        """Take a line that a process wrote, or that is said about it."""
        fields = parse_line(line)
        as_json = line if fields is not None else wrap_text(name, line)
        self._keep(name, as_json)
        if self._as_json:
            shown: str | None = as_json
        elif fields is None:
            shown = f"{name:<{WIDTH}} {line}"
        else:
            shown = short_line(name, fields, self.phase)
        # Nobody reads any more, as in `make run | head`: the platform goes on.
        with suppress(BrokenPipeError):
            if shown is not None:
                self._write(shown)

    def _keep(self, name: str, line: str) -> None:
        try:
            self._files.write(name, line)
        except OSError as error:  # such as a full disk; the processes go on all the same
            if self._is_kept:
                self._is_kept = False
                self._write(f"{'sandbox':<{WIDTH}} the logs cannot be written: {error.strerror}")

    def show_box(self, lines: Iterator[str]) -> None:
        """Print what stands below everything that the start said; machines get one line."""
        self.phase = Phase.SERVING
        with suppress(BrokenPipeError):
            if self._as_json:
                self._write(wrap_text("sandbox", "Perisai is ready."))
            else:
                self._write("\n".join(lines))


def wants_json(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether PERISAI_LOG asks for JSON lines. Raises: SandboxError when it says nonsense."""
    asked = environment.get("PERISAI_LOG", "").strip() or "short"
    if asked not in ("short", "json"):
        raise SandboxError(f"PERISAI_LOG is {asked!r}; it may be short or json.")
    return asked == "json"


def short_line(name: str, fields: Mapping[str, Any], phase: Phase) -> str | None:
    """Return a line of a log as people read it, or None where it is not worth their time."""
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
    """Return an event with its fields; of an exception its type and the place."""
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
