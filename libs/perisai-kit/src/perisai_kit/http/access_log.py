"""The id of each request, and the line and the figures that it leaves behind.

The line has the form of all others, but is put together here from values that need no escaping:
through the whole chain of a logger it costs as much as some requests.
"""

import re
import time
from functools import cache
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id_text
from perisai_kit.runtime.log import write_soon

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
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


def record_answered(
    *,
    service: str,
    event: str,
    method: str,
    route: str,
    status: int,
    seconds: float,
    request_id: str,
    account_id: str | None,
) -> None:
    """Count a request and write its line. No value may hold what JSON would have to escape.

    route: the address without ids and typed text. request_id, account_id: of letters, digits and
    `.`, `_`, `-`.
    """
    counter, histogram = _figures(service, method, route, status)
    counter.inc()
    histogram.observe(seconds)
    if route in UNLOGGED:
        return
    account = f'"account_id":"{account_id}",' if account_id else ""
    write_soon(
        f'{{"method":"{method}","route":"{route}","status":{status},'
        f'"duration_ms":{seconds * 1000:.1f},{account}"event":"{event}",'
        f'"service":"{service}","request_id":"{request_id}","level":"info",'
        f'"timestamp":"{clock.real_now().isoformat()}"}}\n'
    )


def method_of(text: str) -> str:
    """Return a method as figures and lines name it: made-up ones would be an endless set."""
    return text if text in METHODS else "other"


@cache  # methods, routes and statuses are few
def _figures(service: str, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    counter: Any = requests_total.labels(service, method, route, str(status))
    histogram: Any = request_seconds.labels(service, route)
    return counter, histogram


ID_HEADER = b"x-request-id"
GONE = 499
"""How a request is recorded that never got an answer, because its connection was closed."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id_of(scope: Scope) -> str:
    """Return the id the client gave the request, or a new one."""
    for name, value in scope["headers"]:
        if name == ID_HEADER:
            given = value.decode("latin-1")
            if _ID.fullmatch(given):
                return str(given)
    return new_id_text()


class RequestContext:
    """Gives each request its id, and leaves one line and its metrics behind.

    What stands before it may have put `request_id` and `principal` into the request's state.

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
        state = scope.setdefault("state", {})
        request_id = state.get("request_id") or request_id_of(scope)
        state["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service=self.service, request_id=request_id)
        if isinstance(principal := state.get("principal"), Principal):
            structlog.contextvars.bind_contextvars(account_id=principal.subject)
        started = time.perf_counter()
        status = GONE

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (ID_HEADER, request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            status = 500 if status == GONE else status
            raise
        finally:
            self._record(scope, status, request_id, started)

    def _record(self, scope: Scope, status: int, request_id: str, started: float) -> None:
        record_answered(
            service=self.service,
            event="http.answered",
            method=method_of(scope["method"]),
            route=getattr(scope.get("route"), "path", "unmatched"),
            status=status,
            seconds=time.perf_counter() - started,
            request_id=request_id,
            account_id=structlog.contextvars.get_contextvars().get("account_id"),
        )
