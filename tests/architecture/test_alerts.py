"""The rules of deploy/alerts.yml are those of the documents, about metrics that there are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| `(.+?)`(?: for (\d+) hours?)? \| [^|]+ \|$", re.MULTILINE)
HEAD = "| alert | when | do |"
METRIC = re.compile(r"\b(?:perisai|payment|snap)_\w+")
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "deploy/alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}


def documented() -> dict[str, tuple[str, str | None, str]]:
    """Return the expression of each alert, how long it must hold, and the document, by name."""
    found = {}
    for path in sorted((ROOT / "docs").glob("*.md")):
        for table in path.read_text(encoding="utf-8").split(HEAD)[1:]:
            for name, expression, hours in ROW.findall(table.split("\n\n")[0]):
                length = f"{hours}h" if hours else None
                found[name] = (expression.replace("\\|", "|"), length, f"docs/{path.name}")
    return found


def metrics() -> set[str]:
    sources = [
        path.read_text(encoding="utf-8")
        for top in ("libs", "services", "gateway")
        for path in (ROOT / top).glob("**/src/**/*.py")
    ]
    return set(re.findall(r'(?:Gauge|Counter|Histogram)\(\s*"(\w+)"', "\n".join(sources)))


def test_the_rules_are_those_of_the_documents() -> None:
    rules = {
        name: (rule["expr"], rule.get("for"), rule["annotations"]["runbook"])
        for name, rule in RULES.items()
    }

    assert rules == documented()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_about_metrics_that_there_are(name: str) -> None:
    used = METRIC.findall(RULES[name]["expr"])

    assert used
    assert set(used) <= metrics()
    assert RULES[name]["labels"]["severity"] in {"warning", "critical"}
