"""What a client may send to any process of ours, tried on real sockets."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from perisai_kit.http.connections.watch import ConnectionLimits
from perisai_kit.http.protocol import ABORT, MAX_PIPELINED, ON_LOST, ServerProtocol
from perisai_kit.testing.server import open_connection, serve

HEAD_BYTES = 8 * 1024


class Short(ServerProtocol):
    """As in production, but less patient."""

    limits = ConnectionLimits(
        head_bytes=HEAD_BYTES,
        head_s=2,
        body_s=2,
        body_bytes_a_second=100_000,
        write_s=2,
        connections=20,
        check_every_s=0.1,
    )


class Echo:
    """Answers with the headers and the length of the body that it got."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.lost = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.entered.set()
        if scope["path"] == "/abort":
            scope["extensions"][ABORT]()
        if scope["path"] == "/wait":
            scope["extensions"][ON_LOST](self.lost.set)
            await self.go_on.wait()
        if scope["path"] == "/endless":
            await _endless(send)
            return
        size, gone = await _size_of_body(receive)
        headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
        seen = {"headers": headers, "size": size, "gone": gone}
        await _answer(send, json.dumps(seen).encode())


async def _size_of_body(receive: Receive) -> tuple[int, bool]:
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return size, True
        size += len(message["body"])
        if not message["more_body"]:
            return size, False


async def _answer(send: Send, content: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _endless(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(400):
        await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def parts_of(answer: bytes) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and the body as JSON."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers, json.loads(body)


TRAILERS = (
    b"X-Forwarded-For: 203.0.113.9\r\n"
    b"Authorization: Bearer forged\r\nIdempotency-Key: forged-key\r\nX-Request-Id: forged-id-1\r\n"
)
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"


async def test_trailers_in_one_segment_are_no_headers() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(CHUNKED + TRAILERS + b"\r\n")
        _, _, seen = parts_of(await client.answer())

    assert seen["size"] == 5
    assert [name for name, _ in seen["headers"]] == ["host", "transfer-encoding"]


async def test_trailers_in_several_segments_are_no_headers() -> None:
    app = Echo()
    async with serve(app, protocol=Short) as port, open_connection(port) as client:
        await client.send(CHUNKED.replace(b"/echo", b"/wait"))
        await app.entered.wait()  # the app has its headers, and trailers come later
        for line in TRAILERS.splitlines(keepends=True):
            await client.send(line)
            await asyncio.sleep(0.02)
        await client.send(b"\r\n")
        app.go_on.set()
        _, _, seen = parts_of(await client.answer())

    assert [name for name, _ in seen["headers"]] == ["host", "transfer-encoding"]


async def test_headers_of_the_request_behind_trailers_are_its_own() -> None:
    second = b"POST /echo HTTP/1.1\r\nHost: b\r\nX-Mine: 1\r\nContent-Length: 2\r\n\r\nhi"
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(CHUNKED + TRAILERS + b"\r\n" + second)
        await client.answer()
        _, _, seen = parts_of(await client.answer())

    assert seen["headers"] == [["host", "b"], ["x-mine", "1"], ["content-length", "2"]]


LONG = {
    "one header": b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 40_000,
    "many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10_000,
    "a target": b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "trailers": CHUNKED + b"X: y\r\n" * 10_000,
    "a chunk's extension": CHUNKED[:-3] + b"1;" + b"e" * 40_000,
}


@pytest.mark.parametrize("kind", LONG)
async def test_what_belongs_to_no_body_is_bounded(kind: str) -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        for start in range(0, len(LONG[kind]), 4000):
            await client.send(LONG[kind][start : start + 4000])
            await asyncio.sleep(0)
        status, headers, problem = parts_of(await client.rest())

    assert status == 431
    assert problem["code"] == "headers_too_large"
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert "server" not in headers


async def test_a_large_body_counts_for_no_head() -> None:
    size = 300_000
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        for _ in range(2):
            await client.send(head + b"x" * size)
            _, _, seen = parts_of(await client.answer())
            assert seen["size"] == size


@pytest.mark.parametrize(
    "text", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9\r\n\r\n", b"nonsense\r\n\r\n"]
)
async def test_what_is_no_request_is_a_problem(text: bytes) -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(text)
        status, headers, problem = parts_of(await client.rest())

    assert status == 400
    assert problem["code"] == "request_malformed"
    assert problem["request_id"]
    assert headers["connection"] == "close"


async def test_a_silent_connection_is_closed_without_a_word() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        assert await client.rest() == b""


@pytest.mark.parametrize("head", [b"G", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_half_a_head_is_refused_in_time(head: bytes) -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(head)
        status, _, problem = parts_of(await client.rest())

    assert (status, problem["code"]) == (408, "request_timeout")


async def test_a_head_that_trickles_is_refused_in_time() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        received = asyncio.create_task(client.rest())
        for _ in range(100):
            if received.done():
                break
            client.writer.write(b"X: y\r\n" if _ else b"GET / HTTP/1.1\r\n")
            await asyncio.sleep(0.1)
        status, _, _ = parts_of(await received)

    assert status == 408


async def test_a_connection_that_is_idle_behind_an_answer_is_closed() -> None:
    async with (
        serve(Echo(), protocol=Short, keep_alive_s=1) as port,
        open_connection(port) as client,
    ):
        for _ in range(2):
            await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"200 OK" in await client.answer()
        assert await client.rest() == b""


async def test_half_a_head_behind_an_answer_is_refused_too() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.answer()
        await client.send(b"GET / HTTP")
        status, _, _ = parts_of(await client.rest())

    assert status == 408


async def test_a_body_that_trickles_is_refused_and_the_app_gets_a_disconnect() -> None:
    app = Echo()
    async with serve(app, protocol=Short) as port, open_connection(port) as client:
        await client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        received = asyncio.create_task(client.rest())
        while not received.done():
            client.writer.write(b"x")
            await asyncio.sleep(0.2)
        status, _, problem = parts_of(await received)

    assert (status, problem["code"]) == (408, "request_timeout")


async def test_a_slow_but_steady_body_passes() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n")
        for _ in range(25):  # 3.75 s at 133 kB a second, where 2 s and 100 kB a second are due
            await client.send(b"x" * 20_000)
            await asyncio.sleep(0.15)
        _, _, seen = parts_of(await client.answer())

    assert seen["size"] == 500_000


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    app = Echo()
    async with serve(app, protocol=Short) as port, open_connection(port) as client:
        await client.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        await app.entered.wait()
        async with asyncio.timeout(20):
            await asyncio.wait([each for each in asyncio.all_tasks() if "run_asgi" in repr(each)])


async def test_answers_to_requests_before_a_malformed_one_still_come() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n" * 2 + b"no request\r\n\r\n")
        received = await client.rest()

    assert received.count(b"HTTP/1.1 200 OK") == 2


async def test_the_oldest_idle_connection_makes_place() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as oldest:
        await oldest.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await oldest.answer()
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        async with open_connection(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            status, _, _ = parts_of(await client.answer())
        assert await oldest.rest() == b""
        for _, writer in silent:
            writer.close()

    assert status == 200


async def test_an_upgrade_is_ignored_and_the_request_is_answered() -> None:
    asked = (
        b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(asked)
        status, _, _ = parts_of(await client.answer())

    assert status == 200


async def test_an_app_may_close_a_connection_without_an_answer() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(b"GET /abort HTTP/1.1\r\nHost: a\r\n\r\n")

        assert await client.rest() == b""


async def test_an_app_gets_a_disconnect_when_its_client_has_gone() -> None:
    app = Echo()
    async with serve(app, protocol=Short) as port:
        async with open_connection(port) as client:
            await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            await app.entered.wait()
        async with asyncio.timeout(20):
            await app.lost.wait()
        app.go_on.set()


async def test_http_1_0_is_answered_and_closed() -> None:
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
        status, _, seen = parts_of(await client.rest())

    assert (status, seen["size"]) == (200, 2)


H2C = (
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
    b"http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
)


@pytest.mark.parametrize("pause_s", [0, 0.05], ids=["in one segment", "in several"])
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"content-length: 15\r\n", b'{"paid":"28400"'),
        (b"transfer-encoding: chunked\r\n", b"5\r\nhello\r\na\r\n1234567890\r\n0\r\n\r\n"),
    ],
    ids=["stated", "chunked"],
)
async def test_a_body_beside_an_upgrade_arrives_whole(
    framing: bytes, body: bytes, pause_s: float
) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\n" + H2C + framing + b"\r\n"
    async with serve(Echo(), protocol=Short) as port, open_connection(port) as client:
        await client.send(head)
        await asyncio.sleep(pause_s)
        await client.send(body)
        _, _, first = parts_of(await client.answer())
        await client.send(
            head + body + b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\nhi"
        )
        _, _, second = parts_of(await client.answer())
        _, _, third = parts_of(await client.answer())

    assert (first["size"], second["size"], third["size"]) == (15, 15, 2)
    assert third["headers"] == [["host", "a"], ["content-length", "2"]]


TAILS = [
    b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://host HTTP/1.1\r\nHost: a\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"x" * 100_000,
]


@pytest.mark.parametrize("tail", TAILS, ids=lambda tail: repr(tail[:24]))
async def test_what_follows_a_request_under_way_takes_no_answer_from_it(tail: bytes) -> None:
    app = Echo()
    async with serve(app, protocol=Short) as port, open_connection(port) as client:
        await client.send(b"POST /wait HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\nhi")
        await app.entered.wait()
        await client.send(tail)
        await asyncio.sleep(0.1)
        app.go_on.set()
        status, _, seen = parts_of(await client.rest())

    assert (status, seen["size"]) == (200, 2)


async def test_so_many_requests_wait_on_a_connection_and_no_more() -> None:
    app = Echo()
    async with serve(app, protocol=Short) as port, open_connection(port) as client:
        one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + one * 5000)
        await app.entered.wait()
        app.go_on.set()
        received = await client.rest()

    assert received.count(b"HTTP/1.1 200 OK") == MAX_PIPELINED + 2


async def test_half_sent_bodies_keep_nobody_out() -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\ncontent-length: 60000\r\n\r\nhalf"
    async with serve(Echo(), protocol=Short) as port, AsyncExitStack() as stack:
        for _ in range(30):
            half = await stack.enter_async_context(open_connection(port))
            await half.send(head)
        async with open_connection(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            status, _, _ = parts_of(await client.answer())

    assert status == 200
