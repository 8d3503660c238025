"""How new connections are accepted, and shared by the processes on a port."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest
import uvloop
from structlog.testing import capture_logs

from perisai_kit.http.connections.listener import (
    ACCEPTED_A_TURN,
    EVEN_UP_TO,
    LEAVE_S,
    Listener,
    ServerLoop,
    SharingLoop,
)
from perisai_kit.testing.server import HOST

WAIT_S = 30
MOST_TURNS = 12


@dataclass
class Process:
    """What stands for one process on the port: what it accepted, and what it has received."""

    listening: socket.socket
    accepted: list[asyncio.BaseTransport] = field(default_factory=list)
    received: bytes = b""

    @asynccontextmanager
    async def accepting(
        self, *, is_shared: bool = True, leave_s: float = LEAVE_S
    ) -> AsyncIterator[Listener]:
        process = self

        class Connected(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                process.accepted.append(transport)

            def data_received(self, data: bytes) -> None:
                process.received += data

        loop = asyncio.get_running_loop()
        listener = Listener(loop, self.listening, Connected, is_shared=is_shared, leave_s=leave_s)
        try:
            yield listener
        finally:
            listener.close()
            await listener.wait_closed()
            for transport in self.accepted:
                transport.close()


@contextmanager
def open_clients(to: socket.socket, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        address = to.getsockname()
        yield [stack.enter_context(socket.create_connection(address)) for _ in range(count)]


async def wait_until(is_so: Callable[[], bool], *, pause_s: float = 0.001) -> int:
    """Wait; return the turns of the loop."""
    turns = 0
    async with asyncio.timeout(WAIT_S):
        while not is_so():
            turns += 1
            await asyncio.sleep(pause_s)
    return turns


def run(test: Callable[[socket.socket], Coroutine[None, None, None]]) -> None:
    with socket.create_server((HOST, 0), backlog=1024) as listening:
        uvloop.run(test(listening))


def test_a_burst_is_accepted_in_few_turns_of_the_loop() -> None:
    count = ACCEPTED_A_TURN * 4

    async def test(listening: socket.socket) -> None:
        alone = Process(listening)
        async with alone.accepting(is_shared=False):
            with open_clients(listening, count):
                turns = await wait_until(lambda: len(alone.accepted) == count, pause_s=0)
        assert turns <= MOST_TURNS

    run(test)


def test_the_process_with_the_fewest_connections_takes_the_next_ones() -> None:
    async def test(listening: socket.socket) -> None:
        full, empty = Process(listening), Process(listening.dup())
        with open_clients(listening, 8):
            async with full.accepting(leave_s=0.2):
                await wait_until(lambda: len(full.accepted) == 8)
                async with empty.accepting(leave_s=0.1):
                    with open_clients(listening, 4):
                        await wait_until(lambda: len(full.accepted + empty.accepted) == 12)
        assert len(empty.accepted) == 4
        empty.listening.close()

    run(test)


def test_what_others_do_not_take_is_accepted() -> None:
    async def test(listening: socket.socket) -> None:
        alone = Process(listening)
        async with alone.accepting():
            with open_clients(listening, EVEN_UP_TO * 2):
                await wait_until(lambda: len(alone.accepted) == EVEN_UP_TO * 2)

    run(test)


def test_open_connections_count_and_no_others() -> None:
    async def test(listening: socket.socket) -> None:
        alone, counts = Process(listening), list[int]()
        async with alone.accepting() as listener:
            with open_clients(listening, 8):
                await wait_until(lambda: len(alone.accepted) == 8)
                counts.append(listener.count_open())
            await wait_until(lambda: all(each.is_closing() for each in alone.accepted))
            with open_clients(listening, 2):
                await wait_until(lambda: len(alone.accepted) == 10)
                counts.append(listener.count_open())
            with open_clients(listening, EVEN_UP_TO * 2):
                await wait_until(lambda: len(alone.accepted) == 10 + EVEN_UP_TO * 2)
                counts.append(listener.count_open())
        assert counts == [8, 2, EVEN_UP_TO]

    run(test)


def test_a_connection_that_was_just_accepted_ends_with_the_server() -> None:
    async def test(listening: socket.socket) -> None:
        process = Process(listening)
        with open_clients(listening, 3) as clients:
            async with process.accepting() as listener:
                await wait_until(lambda: listener.count_open() > 0, pause_s=0)
                assert not process.accepted  # they are about to be made
                listener.close()
                await listener.wait_closed()
                assert process.accepted
                await wait_until(lambda: all(each.is_closing() for each in process.accepted))
                assert clients[0].recv(1) == b""

    run(test)


def test_a_protocol_that_cannot_be_made_costs_its_connection_only() -> None:
    async def test(listening: socket.socket) -> None:
        fails = iter([True, False])
        made: list[asyncio.Protocol] = []

        def make() -> asyncio.Protocol:
            if next(fails):
                raise ValueError("no protocol")
            made.append(asyncio.Protocol())
            return made[-1]

        loop = asyncio.get_running_loop()
        listener = Listener(loop, listening, make, is_shared=False)
        with open_clients(listening, 1) as (client,):
            client.setblocking(False)
            async with asyncio.timeout(WAIT_S):
                assert await loop.sock_recv(client, 1) == b""
        with open_clients(listening, 1):
            await wait_until(lambda: bool(made))
        listener.close()
        await listener.wait_closed()

    run(test)


def test_a_closed_listener_accepts_nothing_and_keeps_what_it_has() -> None:
    async def test(listening: socket.socket) -> None:
        process, other = Process(listening), Process(listening.dup())
        async with process.accepting() as listener:
            with open_clients(listening, 2) as clients:
                await wait_until(lambda: len(process.accepted) == 2)
                await listener.wait_closed()  # both are made
                listener.close()
                async with other.accepting(), asyncio.timeout(WAIT_S):
                    with open_clients(listening, 3):
                        await wait_until(lambda: len(other.accepted) == 3)
                clients[0].sendall(b"still here")
                await wait_until(lambda: process.received == b"still here")
        assert len(process.accepted) == 2
        other.listening.close()

    run(test)


def test_it_goes_on_when_there_are_descriptors_again() -> None:
    async def test(listening: socket.socket) -> None:
        alone = Process(listening)
        with open_clients(listening, 1):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            next_free = os.dup(listening.fileno())
            os.close(next_free)
            async with alone.accepting():
                resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, hard))
                try:
                    with capture_logs() as lines:
                        await wait_until(lambda: bool(lines))
                    assert not alone.accepted
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                await wait_until(lambda: len(alone.accepted) == 1)
        assert lines == [
            {
                "event": "connections.not_accepted",
                "log_level": "error",
                "reason": "Too many open files",
            }
        ]

    run(test)


@pytest.mark.parametrize(("loop", "is_shared"), [(ServerLoop, False), (SharingLoop, True)])
def test_the_loop_of_a_server_accepts_so(loop: type[ServerLoop], is_shared: bool) -> None:
    async def count_taken_at_once() -> int:
        """Return how many of a burst are taken before others are given time for them."""
        accepted: list[asyncio.BaseTransport] = []

        class Connected(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted.append(transport)

        with socket.create_server((HOST, 0)) as listening, open_clients(listening, 2):
            running = asyncio.get_running_loop()
            server = await running.create_server(Connected, sock=listening, backlog=10)
            await wait_until(lambda: bool(accepted), pause_s=0)
            taken = len(accepted)
            await wait_until(lambda: len(accepted) == 2)
            server.close()
            await server.wait_closed()
        return taken

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(count_taken_at_once()) == (1 if is_shared else 2)
