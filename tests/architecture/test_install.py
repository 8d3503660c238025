"""The installation reports what is missing in one line, and uses the settings of pip."""

import importlib.util
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def uv_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_uv", ROOT / "deploy" / "uv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def set_up(checkout: Path, python: Path) -> subprocess.CompletedProcess[str]:
    """Run setup.sh in an empty checkout with this interpreter."""
    (checkout / "deploy").mkdir(parents=True)
    script = checkout / "deploy" / "setup.sh"
    script.write_text((ROOT / "deploy" / "setup.sh").read_text())
    environment = {**os.environ, "PYTHON": str(python)}
    return subprocess.run(
        ["sh", str(script)], env=environment, capture_output=True, text=True, check=False
    )


def make_python(folder: Path, lines: str) -> Path:
    """Write a command that behaves like a faulty Python."""
    command = folder / "python"
    command.write_text(f"#!/bin/sh\n{lines}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return command


def test_an_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    old = make_python(tmp_path, '[ "$1" = -V ] && echo Python 3.9.2 && exit\nexit 1')

    done = set_up(tmp_path / "a checkout", old)

    assert done.returncode == 1
    assert done.stderr == f"setup: Python 3.11 or newer is needed; {old} is Python 3.9.2.\n"


def test_a_missing_python_is_refused_in_one_line(tmp_path: Path) -> None:
    done = set_up(tmp_path / "a checkout", tmp_path / "nowhere")

    assert done.returncode == 1
    assert done.stderr.startswith(f"setup: There is no {tmp_path / 'nowhere'}; set PYTHON")
    assert done.stderr.count("\n") == 1


def test_a_missing_venv_module_is_reported_in_one_line(tmp_path: Path) -> None:
    bare = make_python(
        tmp_path, f'case "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"'
    )

    done = set_up(tmp_path / "a checkout", bare)

    assert done.returncode == 1
    assert done.stderr.startswith("setup: Python's venv module is missing; install it")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "a checkout" / ".venv").exists()


def test_settings_of_pip_become_settings_of_uv(uv_script: ModuleType) -> None:
    listing = "\n".join(
        [
            ":env:.find-links='/wheels  /more'",
            "global.cert='/certs.pem'",
            "global.extra-index-url='\\nhttps://one.invalid/simple\\nhttps://two.invalid/simple'",
            "global.index-url='https://other.invalid/simple'",
            "install.index-url='https://main.invalid/simple'",
            "freeze.timeout='10'",
        ]
    )

    settings = uv_script.uv_environment(uv_script.pip_settings(listing))

    assert settings == {
        "UV_DEFAULT_INDEX": "https://main.invalid/simple",
        "UV_INDEX": "https://one.invalid/simple https://two.invalid/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": "/certs.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_machine_without_settings_of_pip_changes_nothing(uv_script: ModuleType) -> None:
    assert uv_script.uv_environment(uv_script.pip_settings("")) == {}


def test_make_without_a_target_lists_the_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)

    listed = set(done.stdout.split())

    assert {"setup", "run", "test", "demo", "check", "lint", "fmt", "types", "imports"} <= listed
    assert {"lock", "openapi", "docs", "up", "down", "clean"} <= listed


def test_checks_run_in_the_order_that_ends_with_the_tests() -> None:
    done = subprocess.run(
        ["make", "-n", "-j4", "check"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    tools = [tool for tool in ("ruff", "mypy", "importlinter", "pytest") if tool in done.stdout]
    places = [done.stdout.rindex(tool) for tool in tools]

    assert tools == ["ruff", "mypy", "importlinter", "pytest"]
    assert places == sorted(places)
