"""For tests: an app on a real port with the production protocol, and raw clients."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from starlette.types import ASGIApp

from perisai_kit.http.protocol import ServerProtocol

HOST = "127.0.0.1"
ANSWER_S = 60


@asynccontextmanager
async def serve(
    app: ASGIApp,
    *,
    protocol: type[asyncio.Protocol] = ServerProtocol,
    date_header: bool = True,
    keep_alive_s: int = 5,
    listener: socket.socket | None = None,
) -> AsyncIterator[int]:
    """Serve an app during the block; give the port, a free one unless there is a listener."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=date_header,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=keep_alive_s,
        reset_contextvars=True,
    )
    server = uvicorn.Server(config)
    if listener is None:
        listener = socket.create_server((HOST, 0), backlog=2048)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if running.done():
            running.result()
        await asyncio.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        listener.close()


@asynccontextmanager
async def open_served_client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of an app that is served as in production, with its start and stop."""
    async with (
        serve(app) as port,
        httpx.AsyncClient(
            base_url=f"http://{HOST}:{port}", trust_env=False, timeout=ANSWER_S
        ) as client,
    ):
        yield client


@dataclass
class RawClient:
    """A connection for raw bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Write, and wait until the buffer is drained."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> bytes:
        """Return one answer with a Content-Length."""
        async with asyncio.timeout(ANSWER_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            return head + await self.reader.readexactly(_length(head))

    async def rest(self) -> bytes:
        """Return all bytes until the server closes the connection."""
        received = b""
        async with asyncio.timeout(ANSWER_S):
            try:
                while part := await self.reader.read(65536):
                    received += part
            except ConnectionError:
                pass
        return received


@asynccontextmanager
async def open_connection(port: int) -> AsyncIterator[RawClient]:
    """Open a connection during the block."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0
