"""What nobody has foreseen: no error handler stands before the doors, so they answer it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.forward import Forwarder
from gateway.limits import Limiter
from gateway.proxy import Admission, ForwardDoor, OwnDoor
from gateway.revocations import Revocations
from gateway.settings import Settings
from gateway.snap_door import SnapDoor
from gateway.upstreams import Routes
from perisai_kit.testing import Urls

MEMBERS = "/v1/members"
PAYMENT = "/snap/v1.0/transfer-va/payment"


class Broken:
    """Whatever is asked of it, it fails as nothing should."""

    def __getattr__(self, _: str) -> Any:
        raise RuntimeError("unexpected")


async def nothing_inside(_: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("unexpected")


class Breaking(Forwarder):
    """Fails after an answer has begun."""

    async def stream(self, *asked: Any, **_: Any) -> None:
        send: Send = asked[2]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("unexpected")


class Failing(Forwarder):
    async def ask(self, *_: Any) -> Any:
        raise RuntimeError("unexpected")


class Anybody(Admission):
    async def admit(self, *_: Any) -> None:
        return None


@pytest.fixture
def settings(gateway_settings: Callable[..., Settings], urls: Urls) -> Settings:
    return gateway_settings(
        urls, agent_url="http://agent", member_url="http://member", payment_url="http://payment"
    )


async def sent_by(app: Any, path: str, sent: list[Message]) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer x"), (b"content-length", b"2")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)


def forward_door(settings: Settings, forwarder: Forwarder, admission: Any) -> ForwardDoor:
    routes = Routes()
    inner = OwnDoor(nothing_inside, admission=admission, routes=routes)
    return ForwardDoor(
        inner, settings=settings, admission=admission, forwarder=forwarder, routes=routes
    )


async def test_a_door_that_fails_answers_with_a_problem(settings: Settings) -> None:
    admission = Admission(
        settings=settings,
        authenticator=Broken(),  # type: ignore[arg-type]  # it breaks at whatever it is asked
        revocations=Revocations(settings),
        limiter=Limiter(),
    )
    sent: list[Message] = []

    await sent_by(forward_door(settings, Forwarder(settings), admission), MEMBERS, sent)

    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["code"] == "internal"


async def test_a_door_that_fails_after_an_answer_has_begun_leaves_it_to_be_cut(
    settings: Settings,
) -> None:
    sent: list[Message] = []
    anybody = Anybody.__new__(Anybody)

    with pytest.raises(RuntimeError, match="unexpected"):
        await sent_by(forward_door(settings, Breaking(settings), anybody), MEMBERS, sent)

    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_a_banks_door_that_fails_is_an_empty_504(settings: Settings) -> None:
    sent: list[Message] = []
    door = SnapDoor(nothing_inside, settings=settings, forwarder=Failing(settings))

    await sent_by(door, PAYMENT, sent)

    assert sent[0]["status"] == 504
    assert sent[1]["body"] == b""


async def test_a_bank_whose_answer_has_begun_is_cut(settings: Settings) -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise RuntimeError("unexpected")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    door = SnapDoor(nothing_inside, settings=settings, forwarder=Forwarder(settings))
    scope = {"type": "http", "method": "POST", "path": "/snap/v1.0/nothing", "headers": []}

    with pytest.raises(RuntimeError, match="unexpected"):
        await door(scope, receive, send)
