"""For tests and measurements: who has accepted the connections to a port, by the files of Linux."""

import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from perisai_kit.testing.server import HOST

PROC = Path("/proc")
ESTABLISHED = "01"
ACCEPT_S = 0.1
"""The time for processes to accept one connection each."""


def do_all_accept(pid: int, *, port: int, processes: int) -> bool:
    """Tell whether so many processes that this one has started accept connections by now."""
    with ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(socket.create_connection((HOST, port)))
        time.sleep(ACCEPT_S)
        return sum(count > 0 for count in count_by_child(pid, port=port)) == processes


def count_by_child(pid: int, *, port: int) -> list[int]:
    """Return the connections to a local port that each process started by this one has accepted."""
    children = (PROC / f"{pid}/task/{pid}/children").read_text().split()
    return [_count_connections(PROC / child, port) for child in children]


def _count_connections(process: Path, port: int) -> int:
    try:
        return _count_held(process, port)
    except FileNotFoundError:  # it has ended meanwhile
        return 0


def _count_held(process: Path, port: int) -> int:
    held = set[str]()
    for each in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            held.add(each.readlink().name)
    rows = [line.split() for line in (process / "net/tcp").read_text().splitlines()[1:]]
    return sum(
        row[3] == ESTABLISHED and row[1].endswith(f":{port:04X}") and f"socket:[{row[9]}]" in held
        for row in rows
    )
