"""Around every request: a request id, a body limit, one access line and the metrics."""

import re
import time
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perisai_kit.errors import TooLarge
from perisai_kit.ids import new_id
from perisai_kit.log import get_logger
from perisai_kit.problems import problem_response

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
UNLOGGED = frozenset({"/health", "/ready", "/metrics"})

requests_total = Counter(
    "http_requests_total", "Answered requests.", ["service", "method", "route", "status"]
)
request_seconds = Histogram(
    "http_request_seconds",
    "Seconds from request to answer.",
    ["service", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
log = get_logger()


class RequestContext:
    """Gives each request its id, and leaves one line and its metrics behind.

    Addresses are logged as the route's template, so that no id or typed text of a path, and no
    query, ever stands in a log or a metric.
    """

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service=self.service, request_id=request_id)
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        requests_total.labels(self.service, _method(scope), route, str(status)).inc()
        request_seconds.labels(self.service, route).observe(seconds)
        if route not in UNLOGGED:
            log.info(
                "http.answered",
                method=_method(scope),
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 1),
            )


def _method(scope: Scope) -> str:
    # A made-up method would make an endless set of metric labels.
    method = str(scope["method"])
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return method if method in known else "other"


class BodyLimit:
    """Refuses a body of more than `limit` bytes, whether it says its length or not."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > self.limit:
            await problem_response(Request(scope), TooLarge())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message: Any = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise TooLarge
            return message  # type: ignore[no-any-return]  # a message is a mapping of anything

        await self.app(scope, counted, send)
