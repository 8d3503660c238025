"""Results of measurements: limits, rounds, the table and the JSON file."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class BenchError(Exception):
    """A measurement that is invalid or failed; its text is one line."""


class ProgramMissing(BenchError):
    """An external program is not installed."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of a measurement.

    at_least: the bar is a minimum; else a maximum. of_ratio: the bar applies to ours / yardstick;
    else to ours.
    """

    bar: float
    unit: str
    at_least: bool = True
    of_ratio: bool = True

    def holds(self, ours: float, ratio: float | None) -> bool:
        figure = ratio if self.of_ratio else ours
        if figure is None:
            raise BenchError("a limit on a ratio needs a yardstick")
        return figure >= self.bar if self.at_least else figure <= self.bar


LIMITS = {
    "callbacks_direct": Limit(1.0, "payments/s"),
    "callbacks_gateway": Limit(0.5, "payments/s"),
    "inquiries_direct": Limit(1.0, "inquiries/s"),
    "callbacks_with_orders": Limit(2.0, "ms", at_least=False),
    "gateway_proxy": Limit(0.5, "requests/s"),
    "event_lag": Limit(1.0, "s", at_least=False, of_ratio=False),
    "event_lag_pace": Limit(0.5, "payments/s"),
    "batch_enrolment": Limit(10.0, "rows/s"),
    "list_pages": Limit(1.5, "ms", at_least=False),
    "month_close": Limit(5.0, "s", at_least=False),
    "edge_under_attack": Limit(1.25, "ms", at_least=False),
    "edge_under_attack_p99": Limit(2.0, "ms", at_least=False),
    "memory_growth": Limit(1.2, "MB", at_least=False),
}


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement with its yardstick; None if it has no yardstick."""

    ours: float
    yardstick: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if self.yardstick is None else self.ours / self.yardstick


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the table. holds: None if the measurement failed; `how` then gives the reason."""

    name: str
    ours: float | None
    yardstick: float | None
    unit: str
    ratio: float | None
    bar: float
    holds: bool | None
    how: str


def find_median(rounds: Sequence[Round]) -> Round:
    """Return the middle round, by ratio or else by our own figure.

    Always one of the rounds and never a mean of two, so that ours / yardstick is the ratio.
    """
    ordered = sorted(rounds, key=lambda each: each.ours if each.ratio is None else each.ratio)
    return ordered[(len(ordered) - 1) // 2]


def compute_percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of values. share: 0.99 for p99."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def build_result(name: str, rounds: Sequence[Round], how: str) -> Result:
    """Return the result of a measurement from its rounds."""
    limit, middle = LIMITS[name], find_median(rounds)
    return Result(
        name=name,
        ours=middle.ours,
        yardstick=middle.yardstick,
        unit=limit.unit,
        ratio=middle.ratio,
        bar=limit.bar,
        holds=limit.holds(middle.ours, middle.ratio),
        how=f"{how}; {_format_spread(rounds)}",
    )


def build_missing_result(name: str, why: str) -> Result:
    """Return the result of a measurement that failed."""
    limit = LIMITS[name]
    return Result(name, None, None, limit.unit, None, limit.bar, None, f"not measured: {why}")


def _format_spread(rounds: Sequence[Round]) -> str:
    if len(rounds) == 1:
        return "one round"
    figures = [
        format_figure(each.ours) if each.ratio is None else f"{each.ratio:.2f}" for each in rounds
    ]
    return f"median of {len(rounds)} rounds ({', '.join(figures)})"


def format_table(results: Sequence[Result]) -> str:
    """Return the results as a text table, followed by the conditions of each measurement."""
    rows = [("", "ours", "yardstick", "unit", "ratio", "bar", "holds")]
    rows += [
        (
            each.name,
            format_figure(each.ours),
            format_figure(each.yardstick),
            each.unit,
            format_figure(each.ratio),
            format_bar(each),
            {True: "yes", False: "NO", None: "-"}[each.holds],
        )
        for each in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *(f"{each.name}: {each.how}" for each in results)])


def format_figure(value: float | None) -> str:
    """Return a figure with two decimals below 100 and none above; "-" for none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def format_bar(result: Result) -> str:
    """Return the bar of a result with its direction, such as "≥ 0.5"."""
    return f"{'≥' if LIMITS[result.name].at_least else '≤'} {result.bar:g}"


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Replace the stored results of the same names and keep the others."""
    lines = {each.name: each for each in [*read_results(path), *results]}
    known = [asdict(lines[name]) for name in LIMITS if name in lines]
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")


def read_results(path: Path) -> list[Result]:
    """Return the stored results; none where there is no file."""
    try:
        found: list[dict[str, Any]] = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    return [Result(**each) for each in found]
