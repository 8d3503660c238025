"""Counts and durations of answers, as Prometheus metrics.

A request only changes four numbers, because a counter and a histogram of the library, with a lock
for each of their values, cost as much as reading a token. They are turned into samples when the
metrics are read. Only the event loop's thread may record.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of durations, in seconds."""
LABELS = [*(str(bound) for bound in BOUNDS), "+Inf"]


class Durations:
    """The durations of the answers of one route."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * len(LABELS)
        self.sum_s = 0.0

    def record(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum_s += seconds

    def list_buckets(self) -> list[tuple[str, float]]:
        """Return the cumulative count below each bound."""
        return [(label, float(n)) for label, n in zip(LABELS, accumulate(self.counts), strict=True)]


class Answers:
    """The answers of one route with one status, of which `count` is the number."""

    __slots__ = ("_durations", "count")

    def __init__(self, durations: Durations) -> None:
        self.count = 0
        self._durations = durations

    def record(self, seconds: float) -> None:
        """Count an answer. seconds: from request to answer."""
        self.count += 1
        self._durations.record(seconds)


class RequestMetrics(Collector):
    """`http_requests_total` and `http_request_seconds` of this process."""

    def __init__(self) -> None:
        self._durations: defaultdict[tuple[str, str], Durations] = defaultdict(Durations)
        self._answers: dict[tuple[str, str, str, str], Answers] = {}

    def get_answers(self, *, service: str, method: str, route: str, status: int) -> Answers:
        """Return the counts of this kind of answer."""
        labels = (service, method, route, str(status))
        if labels not in self._answers:
            self._answers[labels] = Answers(self._durations[service, route])
        return self._answers[labels]

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """Yield the metrics, for the library."""
        names = ["service", "method", "route", "status"]
        total = CounterMetricFamily("http_requests_total", "Answered requests.", labels=names)
        for labels, answers in self._answers.items():
            total.add_metric(labels, answers.count)
        yield total
        text = "Seconds from request to answer."
        seconds = HistogramMetricFamily("http_request_seconds", text, labels=["service", "route"])
        for route, durations in self._durations.items():
            seconds.add_metric(route, durations.list_buckets(), durations.sum_s)
        yield seconds


request_metrics = RequestMetrics()
REGISTRY.register(request_metrics)
