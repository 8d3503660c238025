"""What leaves is byte for byte what uvicorn's own protocol sends, in fewer pieces."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from perisai_kit.http.connections.joined_transport import MAX_JOINED_BYTES
from perisai_kit.testing.server import HOST, serve

LENGTHS = {
    "/none": [0],
    "/one": [100],
    "/parts": [100, 0, 200],
    "/large": [10, MAX_JOINED_BYTES, 3 * MAX_JOINED_BYTES, 7],
    "/slow": [5, 5],
    "/unread": [1_000_000] * 20,
}


LENGTH = (b"content-length", b"2")
HEADS: dict[str, tuple[int, list[tuple[bytes, bytes]]]] = {
    "/length": (200, [LENGTH]),
    "/no-length": (200, [(b"X-A", b"b\tc")]),
    "/chunked": (200, [(b"transfer-encoding", b"Chunked")]),
    "/wrong-length": (200, [(b"content-length", b"3")]),
    "/two-lengths": (200, [LENGTH, LENGTH]),
    "/closing": (200, [LENGTH, (b"Connection", b"a, Close")]),
    "/no-content": (204, []),
    "/not-modified": (304, [(b"etag", b"a")]),
    "/line-in-value": (200, [LENGTH, (b"a", b"b\r\nc: d")]),
    "/answer-in-value": (200, [LENGTH, (b"a", b"b\r\n\r\nHTTP/1.1 200 OK")]),
    "/nul-in-value": (200, [LENGTH, (b"a", b"b\0")]),
    "/line-in-name": (200, [LENGTH, (b"a\r\nb", b"c")]),
    "/space-in-name": (200, [LENGTH, (b"a b", b"c")]),
}
"""Status and headers of answers, right and wrong ones."""


async def answer_with_head(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    status, headers = HEADS[scope["path"]]
    body = b"" if status in {204, 304} else b"ok"
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a body of so many parts; a chunked one unless it is whole."""
    if scope["type"] != "http":
        return
    lengths = LENGTHS[scope["path"]]
    whole = [(b"content-length", str(lengths[0]).encode())] if len(lengths) == 1 else []
    await send({"type": "http.response.start", "status": 200, "headers": whole})
    for place, length in enumerate(lengths):
        more = place + 1 < len(lengths)
        await send({"type": "http.response.body", "body": b"x" * length, "more_body": more})
        if scope["path"] == "/slow":
            await asyncio.sleep(0.01)


async def received(port: int, path: str, *, method: str = "GET", count: int = 1) -> list[bytes]:
    """Return the pieces in which the answers to so many requests at once came, until the end."""
    reader, writer = await asyncio.open_connection(HOST, port)
    one = f"{method} {path} HTTP/1.1\r\nHost: a\r\n"
    writer.write(f"{one}\r\n".encode() * (count - 1))
    writer.write(f"{one}Connection: close\r\n\r\n".encode())
    pieces = []
    while piece := await reader.read(1_000_000):
        pieces.append(piece)
    writer.close()
    return pieces


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_every_answer_is_that_of_the_plain_protocol(method: str) -> None:
    async with (
        serve(app, protocol=HttpToolsProtocol, date_header=False) as plain,
        serve(app, date_header=False) as joined,
    ):
        for path in LENGTHS:
            expected = b"".join(await received(plain, path, method=method, count=3))
            found = b"".join(await received(joined, path, method=method, count=3))
            assert found == expected, path
            assert found.count(b"HTTP/1.1 200 OK\r\n") == 3, path


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", HEADS)
async def test_every_head_is_that_of_the_plain_protocol(path: str, method: str) -> None:
    async with (
        serve(answer_with_head, protocol=HttpToolsProtocol, date_header=False) as plain,
        serve(answer_with_head, date_header=False) as own,
    ):
        expected = b"".join(await received(plain, path, method=method, count=2))
        found = b"".join(await received(own, path, method=method, count=2))

    assert found == expected
    assert (found == b"") == ("-in-" in path)


async def test_head_and_body_come_in_one_piece() -> None:
    async with serve(app, date_header=False) as port:
        pieces = await received(port, "/one")

    assert [piece.endswith(b"x" * 100) for piece in pieces] == [True]


async def test_what_a_client_does_not_read_is_not_held_in_memory() -> None:
    async with serve(app, date_header=False) as port:
        reader, writer = await asyncio.open_connection(HOST, port, limit=1000)
        writer.write(b"GET /unread HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await reader.readexactly(10)
        await asyncio.sleep(0.1)  # were it all sent to a buffer of ours, the app would be done
        answering = [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]
        assert len(answering) == 1
        rest = await reader.read()
        writer.close()

    assert len(rest) > 20_000_000
