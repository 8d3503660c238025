"""Counters and histograms as plain numbers, read as the library's."""

from prometheus_client import REGISTRY

from perisai_kit.runtime.plain_metrics import PlainCounter, PlainHistogram


def test_a_counter_has_a_sample_for_each_of_its_labels() -> None:
    counter = PlainCounter("plain_calls_total", "Calls.", ["kind"])

    counter.labels("odd").inc()
    counter.labels("odd").inc()
    counter.labels("even")

    assert REGISTRY.get_sample_value("plain_calls_total", {"kind": "odd"}) == 2
    assert REGISTRY.get_sample_value("plain_calls_total", {"kind": "even"}) == 0


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    histogram = PlainHistogram("plain_seconds", "Seconds.", ["kind"], bounds=(0.5, 1))

    for seconds in (0.25, 0.5, 1.0, 4.0):
        histogram.labels("odd").observe(seconds)

    buckets = [
        REGISTRY.get_sample_value("plain_seconds_bucket", {"kind": "odd", "le": bound})
        for bound in ("0.5", "1.0", "+Inf")
    ]
    assert buckets == [2, 3, 4]
    assert REGISTRY.get_sample_value("plain_seconds_count", {"kind": "odd"}) == 4
    assert REGISTRY.get_sample_value("plain_seconds_sum", {"kind": "odd"}) == 5.75
