"""An answer on its way: clients that go, upstreams that break off, requests to be repeated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from starlette.types import Message

from gateway.edge.body import ClientDisconnected
from gateway.edge.exchange import Exchange
from gateway.edge.headers import Client, RequestUnreadable
from gateway.edge.relay import Relay, UpstreamBusy, UpstreamFailed, UpstreamLate
from gateway.edge.routes import Row, Upstream
from gateway.settings import Settings
from perisai_kit.http.access_log import RequestRecord
from perisai_kit.http.protocol import ABORT, ON_LOST

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture"),
]

CLIENT = Client(address="192.0.2.1", scheme="https", request_id="request-of-mine")
ROW = Row("/it", Upstream.MEMBER)
Forward = Callable[..., Awaitable[list[Message]]]


def said(sent: list[Message]) -> tuple[int, bytes, bool]:
    """Return the status, the body, and whether the answer was ended."""
    start, *parts = sent
    body = b"".join(each["body"] for each in parts)
    return start["status"], body, not parts[-1].get("more_body", False)


class Connection:
    """The client's connection, as the server shows it to an app."""

    def __init__(self) -> None:
        self.is_cut = False
        self.lost: Callable[[], None] | None = None
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def is_watched(self) -> bool:
        """Whether a callback for the loss of the connection is set."""
        return self.lost is not None

    def extensions(self) -> dict[str, Any]:
        return {ABORT: self._cut, ON_LOST: self._on_lost}

    def _cut(self) -> None:
        self.is_cut = True

    def _on_lost(self, callback: Callable[[], None] | None) -> None:
        self.lost = callback


def relay_to(port: int, **more: Any) -> Relay:
    url = f"http://127.0.0.1:{port}"
    usual = {
        "agent_url": url, "member_url": url, "payment_url": url,
        "upstream_connections": 4, "upstream_waiting": 2, "upstream_wait_s": 2,
        "connect_timeout_s": 2, "upstream_timeout_s": 2,
    }  # fmt: skip
    return Relay(Settings.model_construct(**{**usual, **more}))


def get_scope(connection: Connection, method: str = "GET", headers: Any = ()) -> dict[str, Any]:
    return {
        "method": method, "raw_path": b"/it", "query_string": b"", "headers": list(headers),
        "extensions": connection.extensions(),
    }  # fmt: skip


def exchange_of(scope: dict[str, Any], client: Connection) -> Exchange:
    record = RequestRecord(CLIENT.request_id, client.send)
    return Exchange(scope, record.send, record)


@pytest_asyncio.fixture(loop_scope="module")
async def forward(scene: Any) -> AsyncIterator[Forward]:
    """Relay a request to the scene's upstream; give the messages that the client was sent."""
    relay = relay_to(scene.address.port)

    async def run(
        *,
        method: str = "GET",
        headers: Any = (),
        body: bytes = b"",
        connection: Connection | None = None,
        **more: Any,
    ) -> list[Message]:
        client = connection or Connection()
        scope = {**get_scope(client, method, headers), **more}
        exchange = exchange_of(scope, client)
        exchange.headers.append((b"more", b"1"))
        await relay.forward(exchange, scope, ROW, CLIENT, body)
        return client.sent

    yield run
    await relay.close()


async def test_a_head_says_what_we_say_and_what_is_the_clients(scene: Any, forward: Any) -> None:
    headers = [(b"host", b"api.test"), (b"accept", b"\xe9"), (b"content-length", b"2")]

    answer = await forward(body=b"ab", method="PUT", headers=headers)

    port = scene.address.port
    assert scene.requests == [
        b"PUT /it HTTP/1.1\r\nHost: 127.0.0.1:%d\r\naccept: \xe9\r\n" % port
        + b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
        + b"X-Forwarded-Host: api.test\r\nX-Request-Id: request-of-mine\r\n"
        + b"Content-Length: 2\r\n\r\n"
    ]
    assert answer[0]["headers"][:2] == [(b"content-length", b"2"), (b"more", b"1")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": [(b"a", b"b\r\nx-forwarded-for: 1")]},
        {"headers": [(b"a", b"b\nc")]},
        {"headers": [(b"a", b"b\rc")]},
        {"headers": [(b"a", b"b\0c")]},
        {"headers": [(b"a\r\nb", b"c")]},
        {"headers": [(b"host", b"a\r\nb: c")]},
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


async def test_several_addresses_of_a_service_are_all_asked(make_scene: Any) -> None:
    scenes = [await make_scene() for _ in range(2)]
    urls = ",".join(f"http://127.0.0.1:{each.address.port}" for each in scenes)
    relay = relay_to(scenes[0].address.port, member_url=urls, upstream_timeout_s=2)

    async def ask() -> None:
        client = Connection()
        scope = get_scope(client)
        await relay.forward(exchange_of(scope, client), scope, ROW, CLIENT, b"")

    await asyncio.gather(*(ask() for _ in range(4)))

    assert [len(each.requests) for each in scenes] == [2, 2]
    await relay.close()


async def test_an_answer_before_a_body_is_taken_is_passed_on(scene: Any, forward: Any) -> None:
    early = b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nearly"
    scene.says(early)

    answer = await forward(body=bytes(8_000_000), method="POST")
    again = await forward()

    assert said(answer) == (413, b"early", True)
    assert said(again) == (200, b"ok", True)
    assert scene.connections == 2  # the first was not used again with a body half sent


async def test_what_a_client_that_has_gone_waits_for_is_given_up(scene: Any) -> None:
    relay = relay_to(scene.address.port, upstream_timeout_s=30)
    scene.stays_silent()
    client = Connection()
    scope = get_scope(client)
    exchange = exchange_of(scope, client)
    asking = asyncio.create_task(relay.forward(exchange, scope, ROW, CLIENT, b""))
    while not scene.requests:  # noqa: ASYNC110 - nothing else tells of it
        await asyncio.sleep(0.005)
    lost = client.lost
    assert lost is not None

    lost()

    with pytest.raises(ClientDisconnected):
        await asking
    assert not client.is_watched()
    await relay.close()


async def test_who_has_gone_while_waiting_for_a_connection_asks_nothing(scene: Any) -> None:
    relay = relay_to(scene.address.port, upstream_connections=1, upstream_timeout_s=30)
    scene.stays_silent()
    clients = [Connection() for _ in range(2)]
    asking = []
    for client in clients:
        scope = get_scope(client)
        exchange = exchange_of(scope, client)
        asking.append(asyncio.create_task(relay.forward(exchange, scope, ROW, CLIENT, b"")))
    while not scene.requests:  # noqa: ASYNC110 - nothing else tells of it
        await asyncio.sleep(0.005)

    for client in reversed(clients):
        assert client.lost is not None
        client.lost()

    for each in asking:
        with pytest.raises(ClientDisconnected):
            await each
    assert len(scene.requests) == 1
    await relay.close()


async def test_too_many_at_once_are_refused(scene: Any) -> None:
    # The others give up waiting before the first is late and makes room for one of them.
    relay = relay_to(scene.address.port, upstream_connections=1, upstream_timeout_s=3)
    for _ in range(5):
        scene.stays_silent()

    async def ask() -> Exception | None:
        client = Connection()
        scope = get_scope(client)
        exchange = exchange_of(scope, client)
        try:
            await relay.forward(exchange, scope, ROW, CLIENT, b"")
        except Exception as error:  # noqa: BLE001 - it is what is looked at
            return error
        return None

    found = await asyncio.gather(*(ask() for _ in range(5)))

    assert sorted(type(each).__name__ for each in found) == [
        *[UpstreamBusy.__name__] * 4, UpstreamLate.__name__,
    ]  # fmt: skip
    await relay.close()


async def test_an_answer_that_is_cut_is_cut_for_the_client(scene: Any, forward: Any) -> None:
    scene.says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf", close=True)
    client = Connection()

    assert said(await forward(connection=client)) == (200, b"half", False)
    assert client.is_cut


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
    ("method", "body", "said"),
    [
        ("POST", b"ab", b""),
        ("POST", b"", b""),
        ("PATCH", b"ab", b""),
        ("PUT", b"ab", b""),
        ("GET", b"", b"HTTP/1.1"),
        ("GET", b"", b"nonsense\r\n\r\n"),
    ],
)
async def test_what_may_have_been_done_is_not_repeated(
    scene: Any, forward: Any, *, method: str, body: bytes, said: bytes
) -> None:
    await forward()
    scene.says(said, close=True)

    with pytest.raises(UpstreamFailed):
        await forward(body=body, method=method)

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

    assert answer[0]["headers"][:2] == [(b"etag", b"a"), (b"more", b"1")]
    assert answer[1] == {"type": "http.response.body", "body": b""}
