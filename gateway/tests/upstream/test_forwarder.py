"""Both ways at once: bodies that do not end, clients that go, requests that may be repeated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from starlette.types import Message

from gateway.forward import Forwarder, UpstreamFailed, UpstreamLate
from gateway.heads import Caller, RequestUnreadable
from gateway.request_body import BodyIncomplete, ClientGone
from gateway.settings import Settings
from perisai_kit.errors import TooLarge

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture"),
]

CALLER = Caller(address="192.0.2.1", scheme="https", request_id="request-of-mine")
CHUNKED = ((b"transfer-encoding", b"chunked"),)
Forward = Callable[..., Awaitable[list[Message]]]


def said(sent: list[Message]) -> tuple[int, bytes, bool]:
    """Return the status, the body, and whether the answer was ended."""
    start, *parts = sent
    body = b"".join(each["body"] for each in parts)
    return start["status"], body, not parts[-1].get("more_body", False)


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


@pytest_asyncio.fixture(loop_scope="module")
async def forward(scene: Any) -> AsyncIterator[Forward]:
    """Forward a request to the scene's upstream; give the messages that the client was sent."""
    forwarder = Forwarder(
        Settings.model_construct(
            body_timeout_s=0.2, upstream_connections=4, connect_timeout_s=1, upstream_timeout_s=0.3
        )
    )
    origin = forwarder.origin(f"http://127.0.0.1:{scene.origin.port}")

    async def run(
        *messages: Message, method: str = "GET", headers: Any = (), **more: Any
    ) -> list[Message]:
        sent: list[Message] = []
        waiting = list(messages)

        async def receive() -> Message:
            if not waiting:
                await asyncio.sleep(60)
            message = waiting.pop(0)
            await asyncio.sleep(message.get("after_s", 0))
            return message

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "method": method, "raw_path": b"/it", "query_string": b"", "headers": list(headers),
        }  # fmt: skip
        await forwarder.stream(
            {**scope, **more}, receive, send,
            origin=origin, caller=CALLER, body_limit=100_000, more_headers=[(b"more", b"1")],
        )  # fmt: skip
        return sent

    yield run
    await forwarder.close()


async def read_to_end(scene: Any, answer: bytes = b"") -> list[bytes]:
    """Let the next request be read until its connection ends; give the pieces of it."""
    pieces: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scene.connections += 1
        pieces.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        while piece := await reader.read(1000):
            pieces.append(piece)
            if piece.endswith(b"0\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        pieces.append(b"end")
        writer.close()

    scene.serve = serve
    return pieces


async def ended(pieces: list[bytes]) -> bytes:
    while not pieces or pieces[-1] != b"end":  # noqa: ASYNC110 - one of several may be the end
        await asyncio.sleep(0.005)
    return b"".join(pieces[:-1])


async def test_a_head_says_what_we_say_and_what_is_the_clients(scene: Any, forward: Any) -> None:
    headers = [(b"host", b"api.test"), (b"accept", b"\xe9"), (b"content-length", b"2")]

    answer = await forward(part(b"ab", more=False), method="PUT", headers=headers)

    port = scene.origin.port
    assert scene.requests == [
        b"PUT /it HTTP/1.1\r\nHost: 127.0.0.1:%d\r\naccept: \xe9\r\n" % port
        + b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
        + b"X-Forwarded-Host: api.test\r\nX-Request-Id: request-of-mine\r\n"
        + b"Content-Length: 2\r\n\r\n"
    ]
    assert answer[0]["headers"] == [(b"content-length", b"2"), (b"more", b"1")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": [(b"a", b"b\r\nx-forwarded-for: 1")]},
        {"headers": [(b"a", b"b\nc")]},
        {"headers": [(b"a", b"b\rc")]},
        {"headers": [(b"a", b"b\0c")]},
        {"headers": [(b"a\r\nb", b"c")]},
        {"headers": [(b"host", b"a\r\nb: c")]},
        {"headers": [(b"content-length", b"+2")]},
        {"raw_path": b"/it HTTP/1.1\r\na: b\r\n\r\n"},
        {"raw_path": b"/a b"},
        {"raw_path": b"/\xc3\xa9"},
        {"query_string": b"a\nb"},
    ],
)
async def test_nobody_writes_a_line_of_his_own(scene: Any, forward: Any, wrong: Any) -> None:
    with pytest.raises(RequestUnreadable):
        await forward(**wrong)

    assert scene.connections == 0


async def test_an_empty_part_does_not_end_a_body(scene: Any, forward: Any) -> None:
    pieces = await read_to_end(scene)

    answer = await forward(
        part(b""), part(b"ab"), part(b""), part(b"c", more=False), method="POST", headers=CHUNKED
    )

    assert said(answer) == (200, b"ok", True)
    assert b"".join(pieces[1:]) == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


async def test_an_upstream_is_not_silent_while_it_is_the_clients_turn(
    scene: Any, forward: Any
) -> None:
    await read_to_end(scene)
    slow = [{**part(b"ab"), "after_s": 0.15} for _ in range(4)]

    answer = await forward(*slow, part(b"c", more=False), method="POST", headers=CHUNKED)

    assert said(answer) == (200, b"ok", True)


@pytest.mark.parametrize(
    ("last", "error"),
    [(GONE, ClientGone), (None, BodyIncomplete), (part(b"x" * 200_000), TooLarge)],
    ids=["gone", "silent", "too-long"],
)
async def test_a_body_that_does_not_end_is_not_taken_for_whole(
    scene: Any, forward: Any, last: Any, error: type[Exception]
) -> None:
    pieces = await read_to_end(scene)
    messages = [part(b"ab"), part(b"cd"), *([last] if last else [])]

    with pytest.raises(error):
        await forward(*messages, method="POST", headers=CHUNKED)

    assert (await ended(pieces)).endswith(b"2\r\nab\r\n2\r\ncd\r\n")


async def test_a_body_is_as_long_as_was_stated(scene: Any, forward: Any) -> None:
    length = [(b"content-length", b"70000")]
    await read_to_end(scene)

    with pytest.raises(BodyIncomplete):
        await forward(
            part(b"x" * 60), part(b"x" * 20, more=False), method="POST",
            headers=length,
        )  # fmt: skip


async def test_an_answer_before_the_body_is_whole_is_passed_on(scene: Any, forward: Any) -> None:
    early = b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nearly"
    pieces = await read_to_end(scene, early)

    answer = await forward(part(b"ab"), method="POST", headers=CHUNKED)
    await ended(pieces)
    again = await forward(part(b"ab"), method="POST", headers=CHUNKED)

    assert said(answer) == said(again) == (413, b"early", True)
    assert scene.connections == 2  # the body was not sent to its end


async def test_who_goes_while_he_is_answered_is_not_answered_further(
    scene: Any, forward: Any
) -> None:
    pieces = await read_to_end(scene, b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf")

    answer = await forward(GONE)

    assert said(answer) == (200, b"half", False)
    assert await ended(pieces)


async def test_an_answer_that_is_cut_is_cut_for_the_client(scene: Any, forward: Any) -> None:
    scene.says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf", close=True)

    assert said(await forward()) == (200, b"half", False)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_may_be_repeated_is_repeated_once_on_a_new_connection(
    scene: Any, forward: Any, method: str
) -> None:
    await forward()
    scene.says(b"", close=True)

    assert said(await forward(method=method)) == (200, b"ok", True)
    assert [each.split()[0] for each in scene.requests] == [b"GET", *[method.encode()] * 2]
    assert scene.connections == 2


async def test_what_was_repeated_is_not_repeated_again(scene: Any, forward: Any) -> None:
    await forward()
    scene.says(b"", close=True)
    scene.says(b"", close=True)

    with pytest.raises(UpstreamFailed):
        await forward()

    assert len(scene.requests) == 3


@pytest.mark.parametrize(
    ("method", "headers"), [("POST", ()), ("PATCH", ()), ("PUT", [(b"content-length", b"2")])]
)
async def test_what_may_have_been_done_is_not_repeated(
    scene: Any, forward: Any, method: str, headers: Any
) -> None:
    await forward()
    scene.says(b"", close=True)

    with pytest.raises(UpstreamFailed):
        await forward(part(b"ab", more=False), method=method, headers=headers)

    assert len(scene.requests) == 2


async def test_what_was_heard_of_is_not_repeated(scene: Any, forward: Any) -> None:
    await forward()
    scene.says(b"HTTP/1.1", close=True)

    with pytest.raises(UpstreamFailed):
        await forward()

    assert len(scene.requests) == 2


async def test_a_first_connection_that_ends_is_not_tried_again(scene: Any, forward: Any) -> None:
    scene.says(b"", close=True)

    with pytest.raises(UpstreamFailed):
        await forward()

    assert len(scene.requests) == 1


async def test_silence_is_not_answered_by_a_repeat(scene: Any, forward: Any) -> None:
    await forward()
    scene.stays_silent()

    with pytest.raises(UpstreamLate):
        await forward()

    assert len(scene.requests) == 2


@pytest.mark.parametrize("status", [b"304 Not Modified", b"204 No Content"])
async def test_a_length_without_a_body_is_not_passed_on(
    scene: Any, forward: Any, status: bytes
) -> None:
    scene.says(b"HTTP/1.1 " + status + b"\r\netag: a\r\ncontent-length: 9\r\n\r\n")

    answer = await forward()

    assert answer[0]["headers"] == [(b"etag", b"a"), (b"more", b"1")]
    assert answer[1] == {"type": "http.response.body", "body": b""}
