"""Send prepared requests from files, by wrk or, where it is missing, by our own client."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bench.client import Tally, send
from bench.programs import find_program
from bench.results import BenchError, ProgramMissing
from sandbox.ports import HOST

CONNECTIONS = 32
THREADS = 2
SCRIPT = Path(__file__).with_name("prepared.lua")
LENGTH_DIGITS = 8
SPARE_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a client. answered: number of answers, all as expected."""

    seconds: float
    answered: int
    client: str

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


def write_requests(prefix: Path, requests: Iterable[tuple[int, bytes]]) -> None:
    """Write requests, each with the number of its thread from 0, in the format of both clients."""
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in _list_files(prefix)]
        for thread, raw in requests:
            files[thread % THREADS].write(f"{len(raw):0{LENGTH_DIGITS}d}".encode() + raw)


def read_requests(prefix: Path) -> Iterator[bytes]:
    """Yield the requests of all files alternately."""
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in _list_files(prefix)]
        while files:
            for file in [*files]:
                length = file.read(LENGTH_DIGITS)
                if length:
                    yield file.read(int(length))
                else:
                    files.remove(file)


def send_prepared(
    port: int, prefix: Path, *, seconds: float, expected: str, again: bool = False
) -> Load:
    """Send prepared requests over 32 connections for `seconds`.

    again: repeat the requests; else each is sent once.
    Raises: BenchError when an answer is not 200 with the text `expected`, a connection broke, or
    the requests ran out too early.
    """
    try:
        wrk = find_program("wrk")
    except ProgramMissing:
        return _send_by_python(port, prefix, seconds=seconds, expected=expected, again=again)
    done = subprocess.run(
        [
            *(wrk, f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{round(seconds)}s", "--timeout", "10s"),
            *("-s", str(SCRIPT), f"http://{HOST}:{port}", "--", str(prefix), expected),
            *(("again",) if again else ()),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + SPARE_S,
    )
    if done.returncode != 0:
        raise BenchError(f"wrk failed: {(done.stderr.strip() or done.stdout.strip())[-300:]}")
    return read_report(done.stdout.splitlines()[-1])


def read_report(line: str) -> Load:
    """Parse the report of prepared.lua. Raises: BenchError for an invalid run."""
    said = json.loads(line)
    if said["wrong"]:
        raise BenchError(f"{said['wrong']} wrong answers, the first: {said['first_wrong']}")
    if said["broken"]:
        raise BenchError(f"{said['broken']} connections broke or were silent")
    if said["ended"]:
        raise BenchError("the prepared requests ran out too early")
    return Load(
        said["seconds"], said["answered"], f"wrk, {THREADS} threads, {CONNECTIONS} connections"
    )


def _send_by_python(port: int, prefix: Path, *, seconds: float, expected: str, again: bool) -> Load:
    tally = Tally(expected.encode())
    prepared = read_requests(prefix)
    requests = cycle(prepared) if again else prepared
    asyncio.run(send(port, requests, tally, connections=CONNECTIONS, seconds=seconds))
    tally.check()
    if tally.ran_out:
        raise BenchError("the prepared requests ran out too early")
    name = f"a Python {sys.version_info.major}.{sys.version_info.minor} client (wrk is absent)"
    return Load(tally.seconds, tally.answered, f"{name}, {CONNECTIONS} connections")


def _list_files(prefix: Path) -> list[Path]:
    return [prefix.with_name(f"{prefix.name}.{number}") for number in range(1, THREADS + 1)]
