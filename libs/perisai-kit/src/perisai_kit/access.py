"""The line and the figures that each answered request leaves behind.

The line has the form of all others, but is put together here from values that need no escaping:
through the whole chain of a logger it costs as much as some requests.
"""

from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram

from perisai_kit import clock
from perisai_kit.log import write_soon

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
