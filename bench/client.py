"""A minimal HTTP client: raw requests over kept connections, at full speed or a fixed rate."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.results import BenchError
from sandbox.ports import HOST

ANSWER_S = 10.0
IDLE_S = 2.0
"""A connection that waited longer is replaced: servers close idle ones."""
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@dataclass(slots=True)
class Tally:
    """Counts of answers. late_s: the largest delay of a client with a fixed rate.

    took_s: seconds to each answer; with a fixed rate from the moment at which it was due.
    """

    expected: bytes
    status: int = 200
    answered: int = 0
    wrong: int = 0
    first_wrong: str = ""
    seconds: float = 0.0
    ran_out: bool = False
    late_s: float = 0.0
    took_s: list[float] = field(default_factory=list)

    def record(self, head: bytes, body: bytes) -> None:
        self.answered += 1
        if not head.startswith(b"HTTP/1.1 %d " % self.status) or self.expected not in body:
            self.wrong += 1
            self.first_wrong = self.first_wrong or f"{head[:12]!r} {body[:200]!r}"

    def check(self) -> None:
        """Check that all answers were as expected. Raises: BenchError."""
        if self.wrong:
            raise BenchError(f"{self.wrong} wrong answers, the first: {self.first_wrong}")


async def send(
    port: int,
    requests: Iterator[bytes],
    tally: Tally,
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> None:
    """Send requests for so long, or until there are no more; count the answers in `tally`.

    rate: requests a second, each at its own moment; as fast as they are answered when left out.
    """
    began = time.monotonic()
    turns = _schedule(requests, began, seconds, rate)
    await asyncio.gather(*(_converse(port, turns, tally) for _ in range(connections)))
    tally.seconds = time.monotonic() - began
    tally.ran_out = tally.seconds < seconds and next(requests, None) is None


def _schedule(
    requests: Iterator[bytes], began: float, seconds: float, rate: float | None
) -> Iterator[tuple[float, bytes]]:
    for place, raw in enumerate(requests):
        now = time.monotonic()
        due = now if rate is None else began + place / rate
        if max(due, now) >= began + seconds:
            return
        yield due, raw


async def _converse(port: int, turns: Iterator[tuple[float, bytes]], tally: Tally) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        for due, raw in turns:
            early = due - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
                if early > IDLE_S:
                    writer.close()
                    reader, writer = await asyncio.open_connection(HOST, port)
            else:
                tally.late_s = max(tally.late_s, -early)
            writer.write(raw)
            async with asyncio.timeout(ANSWER_S):
                tally.record(*await _read_answer(reader))
            tally.took_s.append(time.monotonic() - due)
    except (TimeoutError, OSError, EOFError) as error:
        raise BenchError(f"a connection broke: {type(error).__name__}") from None
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)
