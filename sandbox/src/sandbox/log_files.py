"""The log file of each process, as JSON lines, and the search in them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from perisai_kit.domain import clock
from sandbox.errors import SandboxError

LOGS = "logs"
MAX_BYTES = 32 * 1024 * 1024
"""A longer file is renamed to NAME.log.old at the next start."""
SHOWN_ID = 8
"""The characters of a request id in the terminal: its end, because it begins with the time."""


class LogFiles:
    """Appends lines to `logs/NAME.log`; every line there is one JSON object."""

    def __init__(self, folder: Path) -> None:
        """folder: the sandbox's."""
        self._folder = folder / LOGS
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def write(self, name: str, line: str) -> None:
        """Append a line of this process. Raises: OSError, such as for a full disk."""
        if name not in self._files:
            self._files[name] = self._open(name)
        self._files[name].write(f"{line}\n")
        self._files[name].flush()

    def _open(self, name: str) -> IO[str]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{name}.log"
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.replace(path.with_suffix(".log.old"))
        return path.open("a", encoding="utf-8")


def parse_line(line: str) -> dict[str, Any] | None:
    """Return the fields of a line of a log, or None for any other text."""
    if not line.startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "event" in fields else None


def wrap_text(name: str, text: str) -> str:
    """Return other output as a log line."""
    now = clock.real_now().isoformat()
    fields = {"event": "output.captured", "text": text, "service": name, "timestamp": now}
    return json.dumps(fields, ensure_ascii=False)


def shorten_id(request_id: str) -> str:
    """Return the short form of a request id for the terminal."""
    return f"req_{request_id[-SHOWN_ID:]}"


def find_lines(folder: Path, *, service: str | None, request: str | None) -> Iterator[str]:
    """Return the lines of a service or of all, oldest first, optionally of one request.

    request: its id or the short form.
    Raises: SandboxError if there is no such log.
    """
    paths = sorted((folder / LOGS).glob(f"{service or '*'}.log"))
    if not paths or (service and not service.isidentifier()):
        of = f" of {service}" if service else ""
        raise SandboxError(f"There is no log{of} in {folder / LOGS}.")
    found = [
        (str(fields.get("timestamp", "")), line)
        for path in paths
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if (fields := parse_line(line)) and _is_of(fields, request)
    ]
    # All times have the same format, so they sort as text.
    return (line for _, line in sorted(found, key=lambda each: each[0].replace("Z", "+00:00")))


def _is_of(fields: Mapping[str, Any], request: str | None) -> bool:
    return request is None or str(fields.get("request_id", "")).endswith(
        request.removeprefix("req_")
    )
