"""Counts and durations of answers, as Prometheus metrics."""

from perisai_kit.runtime.plain_metrics import Count, Durations, PlainCounter, PlainHistogram

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of durations, in seconds."""

_requests_total = PlainCounter(
    "http_requests_total", "Answered requests.", ["service", "method", "route", "status"]
)
_request_seconds = PlainHistogram(
    "http_request_seconds", "Seconds from request to answer.", ["service", "route"], bounds=BOUNDS
)


class Answers:
    """The answers of one route with one status."""

    __slots__ = ("_count", "_durations")

    def __init__(self, count: Count, durations: Durations) -> None:
        self._count = count
        self._durations = durations

    def record(self, seconds: float) -> None:
        """Count an answer. seconds: from request to answer."""
        self._count.inc()
        self._durations.observe(seconds)


def get_answers(*, service: str, method: str, route: str, status: int) -> Answers:
    """Return the counts of this kind of answer."""
    return Answers(
        _requests_total.labels(service, method, route, str(status)),
        _request_seconds.labels(service, route),
    )
