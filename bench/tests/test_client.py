"""The client of ours, against a small server on this machine."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from bench.client import Tally, send
from bench.results import BenchError
from sandbox.ports import HOST

RAW = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"


@asynccontextmanager
async def answering(
    answer: bytes, *, pause_s: float = 0.0, idle_s: float = 60.0
) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), idle_s):
                await asyncio.sleep(pause_s)
                writer.write(answer)
        except (asyncio.IncompleteReadError, TimeoutError):
            writer.close()

    server = await asyncio.start_server(serve, HOST)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_every_request_is_sent_once() -> None:
    tally = Tally(b"good")

    async with answering(GOOD) as port:
        await send(port, iter([RAW] * 50), tally, connections=4, seconds=30)

    tally.check()
    assert tally.answered == 50
    assert tally.ran_out


async def test_no_request_is_sent_before_its_moment() -> None:
    tally = Tally(b"good")

    async with answering(GOOD) as port:
        await send(port, iter([RAW] * 21), tally, connections=4, seconds=30, rate=100)

    assert tally.answered == 21
    assert tally.seconds >= 0.19  # the clock of the loop may be a little ahead


async def test_a_server_that_closes_idle_connections_breaks_none() -> None:
    tally = Tally(b"good")

    async with answering(GOOD, idle_s=2.2) as port:
        await send(port, iter([RAW] * 2), tally, connections=1, seconds=30, rate=0.4)

    assert tally.answered == 2


async def test_the_time_of_an_answer_counts_from_the_moment_its_request_was_due() -> None:
    tally = Tally(b"good")

    async with answering(GOOD, pause_s=0.1) as port:
        await send(port, iter([RAW] * 3), tally, connections=1, seconds=30, rate=1000)

    assert len(tally.took_s) == 3
    assert tally.took_s[2] > 0.25  # waited for the two before it, on the one connection


async def test_the_time_ends_a_run_that_has_more_to_send() -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield RAW

    tally = Tally(b"good")

    async with answering(GOOD) as port:
        await send(port, forever(), tally, connections=2, seconds=0.2)

    assert tally.answered > 0
    assert not tally.ran_out


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\ngood",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
    ],
)
async def test_an_answer_that_was_not_expected_fails_the_run(answer: bytes) -> None:
    tally = Tally(b"good")

    async with answering(answer) as port:
        await send(port, iter([RAW]), tally, connections=1, seconds=30)

    with pytest.raises(BenchError):
        tally.check()
