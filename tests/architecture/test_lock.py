"""The lock files install on any machine: they name packages and hashes, and no addresses."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-uv.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_address_and_no_editable(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "://" not in text
    assert "file:" not in text
    assert not re.search(r"^\s*(-e|--)(?!hash)", text, re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_a_pin_or_its_hash(name: str) -> None:
    pin = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+( ; [^\\]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

    lines = (ROOT / name).read_text().splitlines()

    assert lines
    assert [line for line in lines if not pin.fullmatch(line) and not digest.fullmatch(line)] == []


def test_uv_itself_is_pinned_as_in_the_whole_lock() -> None:
    whole = (ROOT / "requirements.lock").read_text()
    alone = (ROOT / "requirements-uv.lock").read_text()

    assert alone.startswith("uv==")
    assert alone in whole


def test_lock_holds_none_of_our_own_packages() -> None:
    projects = [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")]
    ours = {tomllib.loads(path.read_text())["project"]["name"] for path in projects}

    locked = set(re.findall(r"^([a-z0-9._-]+)", (ROOT / "requirements.lock").read_text(), re.M))

    assert len(ours) >= 7
    assert ours & locked == set()


def test_lock_holds_everything_our_packages_ask_for() -> None:
    projects = [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")]
    parsed = [tomllib.loads(path.read_text())["project"] for path in projects]
    ours = {project["name"] for project in parsed}
    asked = {_name(text) for project in parsed for text in project["dependencies"]} - ours

    locked = set(re.findall(r"^([a-z0-9._-]+)", (ROOT / "requirements.lock").read_text(), re.M))

    assert asked - locked == set()


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()
