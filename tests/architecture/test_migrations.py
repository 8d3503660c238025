"""Migrations run on PostgreSQL and on what takes over from it: docs/scale.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIGRATIONS = [
    *ROOT.glob("services/*/src/*/migrations/versions/*.py"),
    *ROOT.glob("gateway/src/gateway/migrations/versions/*.py"),
    *ROOT.glob("libs/perisai-kit/src/perisai_kit/db/migrations/*.py"),
]
_ALTER = re.compile(r"ALTER TABLE[^;]*?(?=;|\"\"\")")


def list_mixed(source: str) -> list[str]:
    """Return the statements that change a constraint and something else at once."""
    return [
        statement
        for statement in _ALTER.findall(source)
        if "CONSTRAINT" in statement and _count_subcommands(statement) > 1
    ]


def _count_subcommands(statement: str) -> int:
    inner = re.compile(r"\([^()]*\)")
    while inner.search(statement):
        statement = inner.sub("", statement)
    return statement.count(",") + 1


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parts[-4]}-{path.stem[:24]}")
def test_a_constraint_is_changed_by_a_statement_of_its_own(path: Path) -> None:
    """Citus refuses it beside another subcommand of ALTER TABLE."""
    assert list_mixed(path.read_text()) == []


def test_mixed_statements_are_found() -> None:
    assert list_mixed("ALTER TABLE a ADD x int, ADD CONSTRAINT ck CHECK (x IN (1, 2));") != []
    assert list_mixed("ALTER TABLE a ADD CONSTRAINT ck CHECK (x IN (1, 2));") == []
    assert list_mixed("ALTER TABLE a ADD x int, ADD y int;") == []
