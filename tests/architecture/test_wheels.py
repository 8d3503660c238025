"""A wheel is enough: with those of our packages and nothing of the checkout, all of it works."""

import configparser
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from perisai_kit.testing.plugin import Databases

pytestmark = pytest.mark.soak

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(
    path.parent
    for pattern in ("libs/*", "gateway", "services/*", "sandbox")
    for path in ROOT.glob(f"{pattern}/pyproject.toml")
)
DATABASES = ("gateway", "agent", "member", "payment")
LOOK = """
import importlib
from gateway.openapi.service import published
from sandbox.services import load_services
assert published()
for name in ("perisai_kit", "gateway", "agent_service", "member_service", "payment_service"):
    print(importlib.import_module(name).__file__)
print(len(load_services({})))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """The wheel of each project."""
    folder = tmp_path_factory.mktemp("wheels")
    return {
        project: Path(next(WheelBuilder(str(project)).build(directory=str(folder))))
        for project in PROJECTS
    }


@pytest.fixture(scope="module")
def installed(wheels: dict[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from that holds what the wheels hold."""
    folder = tmp_path_factory.mktemp("installed")
    for wheel in wheels.values():
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(folder)
    return folder


def test_a_wheel_holds_every_file_of_its_package(wheels: dict[Path, Path]) -> None:
    for project, wheel in wheels.items():
        source = project / "src"
        files = {
            path.relative_to(source).as_posix()
            for path in source.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        with zipfile.ZipFile(wheel) as opened:
            assert sorted(files - set(opened.namelist())) == []


def test_a_wheel_names_the_processes_and_commands_of_its_package(
    wheels: dict[Path, Path],
) -> None:
    for project, wheel in wheels.items():
        metadata = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        wanted = dict(metadata.get("entry-points", {}))
        if "scripts" in metadata:
            wanted["console_scripts"] = metadata["scripts"]

        assert entry_points_of(wheel) == wanted


def entry_points_of(wheel: Path) -> dict[str, dict[str, str]]:
    found = configparser.ConfigParser(delimiters=("=",))
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            if name.endswith(".dist-info/entry_points.txt"):
                found.read_string(opened.read(name).decode())
    return {section: dict(found[section]) for section in found.sections()}


def run_installed(
    installed: Path, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=installed,
        env={**os.environ, **variables, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_databases_are_migrated_from_wheels_alone(
    installed: Path, databases: Databases
) -> None:
    urls = {name: databases.empty(name) for name in DATABASES}
    owners = {
        f"PERISAI_{name.upper()}_OWNER_DATABASE_URL": each.owner for name, each in urls.items()
    }

    done = run_installed(installed, "-m", "perisai_kit.services.migrate", *DATABASES, **owners)

    assert {json.loads(line)["event"] for line in done.stderr.splitlines()} == {"partition.created"}
    assert done.returncode == 0


def test_nothing_is_read_from_the_checkout(installed: Path) -> None:
    done = run_installed(installed, "-c", LOOK)

    assert done.stderr == ""
    *files, count = done.stdout.splitlines()
    assert count == "5"
    assert len(files) == 5
    assert all(Path(file).is_relative_to(installed) for file in files)
