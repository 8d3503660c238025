"""One request leaves one line, in the form of every other line."""

import asyncio
import gc
import json
import re
import weakref
from contextvars import Context
from datetime import datetime
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from perisai_kit.domain import clock
from perisai_kit.http.access_log import AccessLog, RequestContext, get_record
from perisai_kit.runtime.log import configure_logging, get_logger
from perisai_kit.testing.server import open_connection, serve

KEYS = [
    "method", "route", "status", "duration_ms", "event", "service", "request_id", "level",
    "timestamp",
]  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


async def answered(app: Any, capfd: pytest.CaptureFixture[str], **more: Any) -> list[str]:
    """Let an app answer one request; return the lines that were written."""
    configure_logging(service="kit")
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], **more}

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        pass

    capfd.readouterr()
    try:
        await AccessLog(app, service="kit")(scope, receive, send)
    finally:
        await asyncio.sleep(0)  # lines are held until the end of the loop's turn
    return capfd.readouterr().err.splitlines()


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    get_record(scope).route = "/v1/things/{id}"
    get_logger().warning("thing.found")
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_line_outside_of_a_request_names_its_service(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def start() -> None:
        configure_logging(service="kit")

    async def speak() -> None:
        get_logger().warning("thing.found")

    await asyncio.create_task(start(), context=Context())
    await asyncio.create_task(speak(), context=Context())

    assert json.loads(capfd.readouterr().err.splitlines()[-1])["service"] == "kit"


async def test_the_access_line_has_the_form_of_every_other_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    headers = [(b"x-request-id", b"request-0001")]
    before = clock.real_now()

    lines = await answered(RequestContext(answer), capfd, headers=headers)

    logged, access = map(json.loads, lines)
    assert [json.dumps(each) for each in (logged, access)] == lines
    assert set(access) == set(KEYS)
    assert set(logged) == set(KEYS[4:])
    assert {each: access[each] for each in ("method", "route", "status", "event")} == {
        "method": "GET", "route": "/v1/things/{id}", "status": 204, "event": "http.answered",
    }  # fmt: skip
    assert access["request_id"] == logged["request_id"] == "request-0001"
    assert all(INSTANT.fullmatch(each["timestamp"]) for each in (logged, access))
    assert before <= datetime.fromisoformat(access["timestamp"]) <= clock.real_now()


async def test_a_failure_and_a_client_that_went_leave_their_lines(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def answer_nothing(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("unexpected")

    gone = await answered(answer_nothing, capfd, method="BREW")
    with pytest.raises(RuntimeError):
        await answered(fail, capfd)
    failed = capfd.readouterr().err.splitlines()

    (line,) = map(json.loads, gone)
    assert (line["method"], line["route"], line["status"]) == ("other", "unmatched", 499)
    assert [json.loads(each)["status"] for each in failed] == [500]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_what_watchers_ask_all_the_time_leaves_no_line(
    capfd: pytest.CaptureFixture[str], path: str
) -> None:
    async def answer_watcher(scope: Scope, receive: Receive, send: Send) -> None:
        get_record(scope).route = path
        await send({"type": "http.response.start", "status": 200, "headers": []})

    assert await answered(answer_watcher, capfd) == []


class Held:
    """Anything that a request refers to."""


async def test_the_memory_of_a_request_is_free_without_the_garbage_collector() -> None:
    held: list[weakref.ref[Held]] = []

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["state"]["held"] = thing = Held()
            held.append(weakref.ref(thing))
            await answer(scope, receive, send)

    gc.disable()
    try:
        app = AccessLog(hold, service="kit")
        async with serve(app) as port, open_connection(port) as client:
            for _ in range(2):  # the connection refers to the last request
                await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await client.answer()
        assert [each() for each in held] == [None, None]
    finally:
        gc.enable()
