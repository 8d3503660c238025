import json
from pathlib import Path

import pytest

from bench.results import (
    LIMITS,
    BenchError,
    Limit,
    Round,
    build_missing_result,
    build_result,
    compute_percentile,
    find_median,
    format_table,
    write_results,
)


def test_the_median_is_one_of_the_rounds() -> None:
    rounds = [Round(90, 100), Round(50, 100), Round(300, 200)]

    assert find_median(rounds) == Round(90, 100)
    assert find_median([Round(3), Round(1), Round(2)]) == Round(2)


def test_of_two_rounds_the_one_with_the_lower_ratio_counts() -> None:
    assert find_median([Round(2, 1), Round(1, 1)]) == Round(1, 1)


@pytest.mark.parametrize(
    ("values", "share", "wanted"),
    [
        ([3.0], 0.99, 3.0),
        ([float(value) for value in range(100, 0, -1)], 0.99, 99.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
    ],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], share: float, wanted: float
) -> None:
    assert compute_percentile(values, share) == wanted


@pytest.mark.parametrize(
    ("name", "middle", "holds"),
    [
        ("callbacks_direct", Round(100, 100), True),
        ("callbacks_direct", Round(99, 100), False),
        ("callbacks_gateway", Round(50, 100), True),
        ("memory_growth", Round(120, 100), True),
        ("memory_growth", Round(121, 100), False),
        ("event_lag", Round(1.0), True),
        ("event_lag", Round(1.01), False),
    ],
)
def test_a_limit_holds_at_its_bar_and_not_beyond(name: str, middle: Round, holds: bool) -> None:
    result = build_result(name, [middle], "so")

    assert result.holds is holds
    assert result.ratio == middle.ratio


def test_a_limit_on_a_ratio_needs_a_yardstick() -> None:
    with pytest.raises(BenchError):
        Limit(1.0, "x").holds(5.0, None)


def test_what_was_not_measured_neither_holds_nor_fails() -> None:
    result = build_missing_result("gateway_proxy", "haproxy is not installed")

    assert (result.ours, result.yardstick, result.ratio, result.holds) == (None,) * 4
    assert result.bar == LIMITS["gateway_proxy"].bar
    assert "haproxy is not installed" in result.how


def test_the_table_says_each_figure_and_how_it_was_measured() -> None:
    shown = format_table(
        [
            build_result("callbacks_direct", [Round(2500, 2000)], "wrk"),
            build_missing_result("event_lag", "why"),
        ]
    )

    head, first, second, _, *hows = shown.splitlines()
    assert head.split() == ["ours", "yardstick", "unit", "ratio", "bar", "holds"]
    assert first.split() == [
        "callbacks_direct",
        "2,500",
        "2,000",
        "payments/s",
        "1.25",
        "≥",
        "1",
        "yes",
    ]
    assert " ".join(second.split()) == "event_lag - - s - ≤ 1 -"
    assert hows == ["callbacks_direct: wrk; one round", "event_lag: not measured: why"]


def test_the_file_keeps_the_lines_of_other_measurements(tmp_path: Path) -> None:
    latest = tmp_path / "latest.json"
    write_results(latest, [build_result("event_lag", [Round(0.5)], "x")])
    write_results(latest, [build_result("callbacks_direct", [Round(1, 1)], "y")])
    write_results(latest, [build_result("event_lag", [Round(0.25)], "z")])

    lines = json.loads(latest.read_text())

    assert [(each["name"], each["ours"]) for each in lines] == [
        ("callbacks_direct", 1),
        ("event_lag", 0.25),
    ]
    assert list(lines[0]) == [
        "name",
        "ours",
        "yardstick",
        "unit",
        "ratio",
        "bar",
        "holds",
        "how",
    ]
