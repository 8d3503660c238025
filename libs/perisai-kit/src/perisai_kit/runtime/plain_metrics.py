"""Counters and histograms as plain numbers, for what every request changes.

Those of the library have a lock for each value and cost as much as reading a token. Here they are
turned into samples when the metrics are read. Only the event loop's thread may change them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Count:
    """One value of a counter."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def inc(self) -> None:
        self.number += 1


class Durations:
    """One value of a histogram of seconds. bounds: the upper bounds of its buckets, ascending."""

    __slots__ = ("_bounds", "_counts", "sum_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.sum_s += seconds

    def list_buckets(self) -> list[tuple[str, float]]:
        """Return the cumulative count below each bound."""
        labels = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return [
            (label, float(n)) for label, n in zip(labels, accumulate(self._counts), strict=True)
        ]


class PlainCounter(Collector):
    """A counter with labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._said = (name, text, labels)
        self._counts: dict[tuple[str, ...], Count] = {}
        REGISTRY.register(self)

    def labels(self, *values: str) -> Count:
        """Return the value with these labels."""
        count = self._counts.get(values)
        if count is None:
            count = self._counts[values] = Count()
        return count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the metric, for the library."""
        name, text, labels = self._said
        family = CounterMetricFamily(name, text, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count.number)
        yield family


class PlainHistogram(Collector):
    """A histogram of seconds with labels. bounds: the upper bounds of its buckets, ascending."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], *, bounds: Sequence[float]
    ) -> None:
        self._said = (name, text, labels)
        self._bounds = bounds
        self._durations: dict[tuple[str, ...], Durations] = {}
        REGISTRY.register(self)

    def labels(self, *values: str) -> Durations:
        """Return the value with these labels."""
        durations = self._durations.get(values)
        if durations is None:
            durations = self._durations[values] = Durations(self._bounds)
        return durations

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the metric, for the library."""
        name, text, labels = self._said
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, durations in self._durations.items():
            family.add_metric(values, durations.list_buckets(), durations.sum_s)
        yield family
