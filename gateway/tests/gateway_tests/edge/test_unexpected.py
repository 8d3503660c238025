"""Unexpected errors: the edge answers them, because no error handler is outside of it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.edge.admission import Admission
from gateway.edge.exchange import Exchange
from gateway.edge.limits import Limiter
from gateway.edge.pool import UpstreamPool
from gateway.edge.public import PublicEdge
from gateway.edge.relay import Relay, make_pool_limits
from gateway.edge.routes import Routes
from gateway.edge.snap import SnapEdge, make_bank_pool
from gateway.settings import Settings
from perisai_kit.http.access_log import AccessLog
from perisai_kit.http.protocol import ON_LOST
from perisai_kit.testing.plugin import Urls

MEMBERS = "/v1/members"
PAYMENT = "/snap/v1.0/transfer-va/payment"


class Broken:
    """Whatever is asked of it, it fails as nothing should."""

    def __getattr__(self, _: str) -> Any:
        raise RuntimeError("unexpected")


async def nothing_inside(_: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("unexpected")


class Breaking(Relay):
    """Fails after an answer has begun."""

    async def forward(self, exchange: Exchange, *_: Any) -> None:
        await exchange.send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("unexpected")


class Failing(UpstreamPool):
    async def acquire(self, **_: Any) -> Any:
        raise RuntimeError("unexpected")


class Anybody(Admission):
    async def admit(self, *_: Any) -> None:
        return None


@pytest.fixture
def settings(gateway_settings: Callable[..., Settings], urls: Urls) -> Settings:
    return gateway_settings(
        urls, agent_url="http://agent", member_url="http://member", payment_url="http://payment"
    )


async def sent_by(app: Any, path: str, sent: list[Message], **more: Any) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer x"), (b"content-length", b"2")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "state": {}, **more,
    }  # fmt: skip
    await AccessLog(app, service="gateway")(scope, receive, send)


def public_edge(settings: Settings, relay: Relay, admission: Admission) -> PublicEdge:
    return PublicEdge(
        nothing_inside, settings=settings, admission=admission, relay=relay, routes=Routes()
    )


def admission_of(settings: Settings, *, authenticator: Any, cls: Any = Admission) -> Any:
    return cls(
        settings=settings,
        authenticator=authenticator,
        limiter=Limiter(),
    )


async def test_an_edge_that_fails_answers_with_a_problem(settings: Settings) -> None:
    admission = admission_of(settings, authenticator=Broken())
    sent: list[Message] = []

    await sent_by(public_edge(settings, Relay(settings), admission), MEMBERS, sent)

    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["code"] == "internal"


async def test_an_edge_that_fails_after_an_answer_has_begun_leaves_it_to_be_cut(
    settings: Settings,
) -> None:
    sent: list[Message] = []
    anybody = admission_of(settings, authenticator=Broken(), cls=Anybody)

    with pytest.raises(RuntimeError, match="unexpected"):
        await sent_by(public_edge(settings, Breaking(settings), anybody), MEMBERS, sent)

    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_a_client_that_has_gone_does_not_wait_for_its_refusal(settings: Settings) -> None:
    edge = public_edge(settings, Relay(settings), admission_of(settings, authenticator=Broken()))
    answers: list[list[Message]] = [[], []]
    lost: list[Any] = []

    first, second = (
        asyncio.create_task(sent_by(edge, "/nothing", sent, extensions={ON_LOST: lost.append}))
        for sent in answers
    )
    await asyncio.sleep(0)
    lost[-1]()  # what the second request asked to be called
    await asyncio.gather(first, second)

    assert [bool(sent) for sent in answers] == [True, False]


async def test_an_edge_towards_banks_that_fails_is_an_empty_504(settings: Settings) -> None:
    sent: list[Message] = []
    pool = Failing("test", settings.payment_url, make_pool_limits(settings, 1))

    await sent_by(SnapEdge(nothing_inside, settings=settings, pool=pool), PAYMENT, sent)

    assert sent[0]["status"] == 504
    assert sent[1]["body"] == b""


async def test_an_answer_to_a_bank_that_has_begun_is_cut(settings: Settings) -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise RuntimeError("unexpected")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    edge = SnapEdge(nothing_inside, settings=settings, pool=make_bank_pool(settings))
    scope = {"type": "http", "method": "POST", "path": "/snap/v1.0/nothing", "headers": []}

    with pytest.raises(RuntimeError, match="unexpected"):
        await AccessLog(edge, service="gateway")(scope, receive, send)
