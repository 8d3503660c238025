"""Connections are limited although nothing is checked while all of them wait for the app."""

import asyncio
import socket

from perisai_kit_tests.http.test_protocol import Short
from starlette.types import Receive, Scope, Send

from perisai_kit.http.protocol import ON_LOST
from perisai_kit.testing.server import HOST, open_connection, serve

WAIT_S = 30
RESTS_S = 0.5
"""Several checks of `Short`."""


class Hasty:
    """Answers before the body has come; or fails after it began its answer."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.fails = asyncio.Event()
        self.lost = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.entered.set()
        start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"5")],
        }
        if scope["path"] == "/early":
            await send(start)
            await send({"type": "http.response.body", "body": b"early"})
            return
        scope["extensions"][ON_LOST](self.lost.set)
        await self.fails.wait()
        await send({**start, "headers": [(b"content-length", b"100000")]})
        await send({"type": "http.response.body", "body": b"x" * 60_000, "more_body": True})
        raise RuntimeError("it fails in its answer")


async def test_a_connection_with_its_body_behind_the_answer_is_closed_when_idle() -> None:
    async with (
        serve(Hasty(), protocol=Short, keep_alive_s=1) as port,
        open_connection(port) as client,
    ):
        await client.send(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        assert b"early" in await client.answer()
        await client.send(b"body")

        assert await asyncio.wait_for(client.rest(), WAIT_S) == b""


async def test_a_client_that_reads_nothing_is_cut_off_behind_an_app_that_failed() -> None:
    app, loop = Hasty(), asyncio.get_running_loop()
    listener = socket.create_server((HOST, 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    async with serve(app, protocol=Short, listener=listener) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, (HOST, port))
            await loop.sock_sendall(client, b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(app.entered.wait(), WAIT_S)
            await asyncio.sleep(RESTS_S)
            app.fails.set()

            await asyncio.wait_for(app.lost.wait(), WAIT_S)
