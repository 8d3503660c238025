"""One line and the figures of each request that is forwarded.

The kit's request context does this for our own routes. What is forwarded passes outside of it,
because that costs as much as the forwarding; the line has the same form, and is put together
here from values that need no escaping.
"""

import sys
import time
from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.types import Message, Scope, Send

from perisai_kit import clock
from perisai_kit.ids import new_id
from perisai_kit.middleware import REQUEST_ID, request_seconds, requests_total

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ID_HEADER = b"x-request-id"


def request_id_of(scope: Scope) -> str:
    """Return the id the client gave the request, or a new one."""
    for name, value in scope["headers"]:
        if name == ID_HEADER:
            given = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return str(given)
    return str(new_id())


class Passage:
    """One request on its way through us.

    service: ours, as logs and metrics call it. route: the address without ids. account_id: set
    once it is known.
    """

    __slots__ = ("_method", "_send", "_started", "_status", "account_id", "request_id", "route")

    def __init__(self, scope: Scope, send: Send, *, route: str) -> None:
        self.route = route
        self.request_id = request_id_of(scope)
        self.account_id: str | None = None
        self._method = scope["method"] if scope["method"] in METHODS else "other"
        self._send = send
        self._started = time.perf_counter()
        self._status = 0

    async def send(self, message: Message) -> None:
        """Send on, with the request's id in the answer's head."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"].append((ID_HEADER, self.request_id.encode()))
        await self._send(message)

    def record(self, service: str) -> None:
        """Count the request and write its line; one that never got an answer is counted as 499."""
        seconds = time.perf_counter() - self._started
        status = self._status or 499
        counter, histogram = _figures(service, self._method, self.route, status)
        counter.inc()
        histogram.observe(seconds)
        account = f'"account_id":"{self.account_id}",' if self.account_id else ""
        sys.stderr.write(
            f'{{"method":"{self._method}","route":"{self.route}","status":{status},'
            f'"duration_ms":{seconds * 1000:.1f},{account}"event":"http.forwarded",'
            f'"service":"{service}","request_id":"{self.request_id}","level":"info",'
            f'"timestamp":"{clock.real_now().isoformat()}"}}\n'
        )


@cache  # methods, routes and statuses are few
def _figures(service: str, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    counter: Any = requests_total.labels(service, method, route, str(status))
    histogram: Any = request_seconds.labels(service, route)
    return counter, histogram
