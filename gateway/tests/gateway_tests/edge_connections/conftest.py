"""Upstreams of real sockets that do as a test wants, on both event loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from gateway_tests.listening import listen

from gateway.edge.connection import Address, Headers, UpstreamConnection
from gateway.edge.pool import PoolLimits, UpstreamPool

SHORT_S = 2.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
GET = b"GET /it HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(
    scope="module",
    params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy],
    ids=["asyncio", "uvloop"],
)
def event_loop_policy(request: Any) -> Any:
    return request.param()


@dataclass
class Answer:
    status: int
    headers: Headers
    body: bytes
    kept: bool


@dataclass
class Scene:
    """One upstream, and a pool in front of it.

    turns: what the upstream does with each request, the first one first; then it answers OK.
    connections: how many were accepted. requests: their heads, and what bodies came with them.
    """

    pool: UpstreamPool
    turns: list[Callable[[asyncio.StreamWriter], Awaitable[None]]] = field(default_factory=list)
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> Address:
        return self.pool.addresses[0]

    def says(self, *pieces: bytes, close: bool = False) -> None:
        """Let the next request be answered with these pieces."""

        async def turn(writer: asyncio.StreamWriter) -> None:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if close:
                writer.close()

        self.turns.append(turn)

    def stays_silent(self) -> None:
        async def turn(_: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        self.turns.append(turn)

    async def ask(self, request: bytes = GET) -> Answer:
        """Ask through the pool and return the whole answer."""
        connection = await self.pool.acquire()
        deadline = asyncio.get_running_loop().time() + SHORT_S
        try:
            connection.send(request, deadline=deadline, is_head=request.startswith(b"HEAD "))
            await connection.read_head()
            body = await read_all(connection)
        finally:
            self.pool.release(connection)
        return Answer(connection.status, connection.headers, body, bool(self.address.idle))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                if self.turns:
                    await self.turns.pop(0)(writer)
                else:
                    writer.write(OK)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_all(connection: UpstreamConnection) -> bytes:
    parts = []
    while part := await connection.read_body():
        parts.append(part)
    return b"".join(parts)


def limits(connections: int = 8, **more: float) -> PoolLimits:
    usual = {"max_waiting": 8, "wait_s": SHORT_S, "connect_timeout_s": 5, "read_timeout_s": SHORT_S}
    return PoolLimits(max_connections=connections, **{**usual, **more})  # type: ignore[arg-type]  # by name


MakeScene = Callable[..., Awaitable[Scene]]


@pytest_asyncio.fixture(loop_scope="module")
async def make_scene() -> AsyncIterator[MakeScene]:
    """Start an upstream: `await make_scene(most=1)`."""
    async with AsyncExitStack() as stack:

        async def make(
            *, most: int = 8, host: str = "127.0.0.1", name: str = "", tls: Any = None
        ) -> Scene:
            scheme, named = ("https" if tls else "http"), name or host
            holder: list[Scene] = []
            port = await stack.enter_async_context(
                listen(lambda *both: holder[0].serve(*both), host=host, tls=tls)
            )
            pool = UpstreamPool("scene", f"{scheme}://{named}:{port}", limits(most))
            scene = Scene(pool)
            holder.append(scene)
            stack.push_async_callback(pool.close)
            return scene

        yield make


@pytest_asyncio.fixture(loop_scope="module")
async def scene(make_scene: MakeScene) -> Scene:
    return await make_scene()
