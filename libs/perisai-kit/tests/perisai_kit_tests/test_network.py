"""What a client of ours sees of a peer that dies at once."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import httpx
import pytest
import uvloop

from perisai_kit.runtime.network import Network

TIMES = 300
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


def test_a_peer_that_resets_is_a_lost_connection(run: Callable[[Any], Any]) -> None:
    async def ask(url: str) -> int:
        lost = 0
        async with httpx.AsyncClient(transport=Network()) as client:
            for _ in range(TIMES):
                try:
                    await client.get(url)
                except httpx.TransportError:
                    lost += 1
        return lost

    with resetting() as url:
        assert run(ask(url)) == TIMES


@pytest.fixture(params=[uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    chosen: Callable[[Any], Any] = request.param
    return chosen


@contextmanager
def resetting() -> Iterator[str]:
    """Accept connections and reset each at once."""

    def reset_all() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            accepted.close()

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        thread = Thread(target=reset_all)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
