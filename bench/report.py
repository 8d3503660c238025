"""docs/measurements.md: the stored results as a page, so that both say the same.

`python -m bench.report` writes it from bench/latest.json, as every stored measurement does.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.results import Result, format_bar, format_figure, read_results

LATEST = Path(__file__).with_name("latest.json")
PAGE = Path(__file__).parents[1] / "docs" / "measurements.md"
_HOLDS = {True: "yes", False: "no", None: "-"}
_HEAD = """\
# Measurements

Written from `bench/latest.json` by `make bench`; do not edit. What the figures mean, where the
time goes and what was tried: [performance.md](performance.md).

| name | unit | ours | yardstick | ratio | bar | holds |
|---|---|---|---|---|---|---|
"""


def format_page(results: Sequence[Result]) -> str:
    """Return the page: a table, and how each figure was measured."""
    rows = [
        f"| `{each.name}` | {each.unit} | {format_figure(each.ours)} |"
        f" {format_figure(each.yardstick)} | {format_figure(each.ratio)} | {format_bar(each)} |"
        f" {_HOLDS[each.holds]} |\n"
        for each in results
    ]
    ways = [f"- `{each.name}`: {each.how}.\n" for each in results]
    return "".join([_HEAD, *rows, "\n## How they were measured\n\n", *ways])


def write_page() -> None:
    """Write the page anew from the stored results."""
    PAGE.write_text(format_page(read_results(LATEST)), encoding="utf-8")


if __name__ == "__main__":
    write_page()
