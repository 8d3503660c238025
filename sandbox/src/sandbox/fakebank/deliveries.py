"""How an answer reaches the platform: whole, or in one of the ways in which banks fail."""

import asyncio
from enum import StrEnum
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from perisai_kit.domain import clock
from snap_bi.answers import Answer
from snap_bi.timestamps import TimestampFormat, format_timestamp

HOLD_S = 60.0
"""How long a silent bank keeps a connection; the platform gives up long before."""
GARBAGE = b"<html><body>Proxy Error</body></html>"


class Delivery(StrEnum):
    WHOLE = "whole"
    SILENCE = "silence"  # no answer before the platform gives up
    GARBAGE = "garbage"  # HTTP 200 with a page of a proxy
    HANG_UP = "hang_up"  # the connection is closed without an answer
    HALF = "half"  # the bank dies in the middle of its answer
    TWICE = "twice"  # the answer is sent again, unasked, on the same connection


def deliver(answer: Answer, delivery: Delivery) -> Response:
    """Return what sends the answer in this way."""
    headers = {"X-TIMESTAMP": format_timestamp(clock.real_now(), TimestampFormat.SECONDS)}
    body = GARBAGE if delivery is Delivery.GARBAGE else answer.body
    status = 200 if delivery is Delivery.GARBAGE else answer.http_status
    kind = _KINDS.get(delivery, Response)
    return kind(body, status, headers=headers, media_type="application/json")


class _Silence(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _wait_for_disconnect(receive)
        await super().__call__(scope, receive, send)  # to nobody, or very late


class _HangUp(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _cut(receive)


class _Half(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        # The half is on its way before the connection breaks.
        await asyncio.sleep(0.01)
        await _cut(receive)


class _Twice(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        transport = _find_transport(receive)
        if transport is not None:
            head = "\r\n".join(
                f"{name.decode()}: {value.decode()}" for name, value in self.raw_headers
            )
            transport.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + bytes(self.body))


_KINDS: dict[Delivery, type[Response]] = {
    Delivery.SILENCE: _Silence,
    Delivery.HANG_UP: _HangUp,
    Delivery.HALF: _Half,
    Delivery.TWICE: _Twice,
}


async def _wait_for_disconnect(receive: Receive) -> None:
    try:
        async with asyncio.timeout(HOLD_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _cut(receive: Receive) -> None:
    """Close the connection now. Raises: ConnectionResetError where there is none to close."""
    transport = _find_transport(receive)
    if transport is None:
        raise ConnectionResetError("the bank hung up")
    transport.abort()
    # The server learns of it in the next turns of the loop. Before that it would answer with 500.
    while (await receive())["type"] != "http.disconnect":
        pass


def _find_transport(receive: Receive) -> Any:
    # ASGI has no way to close a connection. uvicorn's `receive` is a method of the object that owns
    # the connection; in a test without a server there is none.
    return getattr(getattr(receive, "__self__", None), "transport", None)
