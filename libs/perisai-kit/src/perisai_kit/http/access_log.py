"""The id of each request, its access line and its metrics.

`AccessLog` is the outermost layer of every process, so that every request leaves its line in one
place.
"""

import re
import time
from collections.abc import Awaitable
from functools import cache
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id_text
from perisai_kit.runtime.log import write_soon
from perisai_kit.runtime.request_metrics import Answers, get_answers

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNLOGGED = frozenset({"/health", "/ready", "/metrics"})
UNMATCHED = "unmatched"
"""The route of unknown addresses in access lines and metrics."""


def normalize_method(text: str) -> str:
    """Return the method for metrics and access lines; unknown methods are one value."""
    return text if text in METHODS else "other"


class _Kind(NamedTuple):
    """One kind of answer: its metrics, and the parts of its access line that never change."""

    answers: Answers
    start: str
    middle: str


@cache  # methods, routes and statuses are few
def _get_kind(service: str, method: str, route: str, status: int) -> _Kind:
    return _Kind(
        get_answers(service=service, method=method, route=route, status=status),
        f'{{"method": "{method}", "route": "{route}", "status": {status}, "duration_ms": ',
        f', "event": "http.answered", "service": "{service}", "request_id": "',
    )


ID_HEADER = b"x-request-id"
GONE = 499
"""The recorded status of a request without an answer, because its connection was closed."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def read_request_id(scope: Scope) -> str:
    """Return the id that the client sent, or a new one."""
    for name, value in scope["headers"]:
        if name == ID_HEADER:
            given = value.decode("latin-1")
            if _ID.fullmatch(given):
                return str(given)
    return new_id_text()


RECORD = "perisai.record"
"""Key of `scope["state"]`, see `get_record`."""


class RequestRecord:
    """The data of an access line.

    route: the address without ids, for answers outside of FastAPI. status: 0 until the answer
    begins. headers: added to the answer.
    """

    __slots__ = ("_header", "_send", "headers", "request_id", "route", "status")

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.route = UNMATCHED
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._header = (ID_HEADER, request_id.encode())
        self._send = send

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message, with our headers and the request id in the head of an answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.headers, self._header]
        return self._send(message)

    def close(self) -> None:
        """Drop `send`, which refers to the request, as the request does to this record.

        A cycle of references would wait for the garbage collector, whose pauses delay everybody.
        """
        del self._send


def get_record(scope: Scope) -> RequestRecord:
    """Return the record of a request that came through `AccessLog`."""
    record: RequestRecord = scope["state"][RECORD]
    return record


class AccessLog:
    """Gives each request an id, and writes its access line and metrics.

    The address is logged as the template of its route, so that logs and metrics contain no ids, no
    input and no query.
    """

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self.app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        record = RequestRecord(read_request_id(scope), send)
        state = scope.setdefault("state", {})
        state[RECORD], state["request_id"] = record, record.request_id
        try:
            await self.app(scope, receive, record.send)
        except Exception:
            record.status = record.status or 500
            raise
        finally:
            self._leave_line(scope, record, time.perf_counter() - started)
            record.close()

    def _leave_line(self, scope: Scope, record: RequestRecord, seconds: float) -> None:
        """Count a request and write its line, in the format of runtime/log.py.

        The line is formatted here from values that need no escaping, because a call of the logger
        costs as much as some requests.
        """
        matched = scope.get("route")
        route = record.route if matched is None else getattr(matched, "path", record.route)
        method = normalize_method(scope["method"])
        kind = _get_kind(self._service, method, route, record.status or GONE)
        kind.answers.record(seconds)
        if route in UNLOGGED:
            return
        principal = scope["state"].get("principal")
        account = f'"account_id": "{principal.subject}", ' if principal is not None else ""
        write_soon(
            f'{kind.start}{seconds * 1000:.1f}{kind.middle}{record.request_id}", {account}'
            f'"level": "info", "timestamp": "{clock.real_now_text()}"}}\n'
        )


class RequestContext:
    """Adds the request id to every log line of a request. Inside of `AccessLog`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            state = scope["state"]
            clear_contextvars()
            bind_contextvars(request_id=state["request_id"])
            if (principal := state.get("principal")) is not None:
                bind_contextvars(account_id=principal.subject)
        return self.app(scope, receive, send)
