"""The installation reports what is missing in one line, and uses the settings of pip."""

import importlib.util
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load_script(name: str) -> ModuleType:
    """Return a script of deploy/, which is no package."""
    path = ROOT / "deploy" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"deploy_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def uv_script() -> ModuleType:
    return load_script("uv")


@pytest.fixture(scope="module")
def progress() -> ModuleType:
    return load_script("progress")


UV_SAYS = """
import time
print("Resolved 63 packages in 1.58s", flush=True)
print("Downloading cryptography (4.2MiB)", flush=True)
time.sleep(2)
"""


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


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_step_shows_what_it_is_at_until_it_is_done(
    progress: ModuleType, is_terminal: bool
) -> None:
    shown: list[str] = []

    code = progress.run(
        *("3/4", "packages", [sys.executable, "-c", UV_SAYS]),
        write=shown.append,
        is_terminal=is_terminal,
        every_s=0.2,
    )

    assert code == 0
    assert any("  3/4 packages: fetching cryptography, " in text for text in shown)
    assert re.fullmatch(r"(\r\x1b\[K)?  3/4 packages: done, \d+ s\n", shown[-1])
    assert all(text.startswith("\r") == is_terminal for text in shown)
    assert all(text.endswith("\n") != is_terminal for text in shown[:-1])


def test_a_step_is_never_silent_for_five_seconds(progress: ModuleType) -> None:
    assert max(progress.TERMINAL_S, progress.PLAIN_S) < 5


def test_a_step_that_fails_shows_what_the_command_wrote(progress: ModuleType) -> None:
    shown: list[str] = []
    failing = "import sys; print('no such package', file=sys.stderr); sys.exit(7)"

    code = progress.run(
        *("3/4", "packages", [sys.executable, "-c", failing]),
        write=shown.append,
        is_terminal=False,
        every_s=2,
    )

    assert code == 7
    assert shown[-2].startswith("  3/4 packages: failed, ")
    assert shown[-1] == "no such package\n"


def test_compiling_shows_how_far_it_is(progress: ModuleType, tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "a.cpython-311.pyc"):
        (tmp_path / name).touch()
    step = progress.Step(tmp_path)

    step.said += ["Resolved 63 packages in 1.58s", "Installed 63 packages in 1.07s"]

    assert step.describe() == "compiling 50 %"


@pytest.mark.parametrize(
    ("target", "installs"),
    [
        ("run", {"installed"}),
        ("demo", {"installed"}),
        ("test", {"installed", "installed-dev"}),
        ("check", {"installed", "installed-dev"}),
        ("bench", {"installed", "installed-dev"}),
        ("setup", {"installed", "installed-dev"}),
    ],
)
def test_a_target_installs_what_it_needs_and_no_more(
    tmp_path: Path, target: str, installs: set[str]
) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for path in ("requirements.lock", "requirements-uv.lock", "deploy/requirements-sandbox.lock"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    for name in ("setup.sh", "uv.py", "progress.py"):
        (tmp_path / "deploy" / name).touch()

    done = subprocess.run(
        ["make", "-n", target], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    lines = [line for line in done.stdout.splitlines() if "deploy/setup.sh" in line]
    stamps = {"installed-dev" if line.endswith(" dev") else "installed" for line in lines}
    assert stamps == installs


def test_make_without_a_target_lists_the_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)

    listed = set(done.stdout.split())

    assert {"setup", "run", "test", "demo", "check", "lint", "fmt", "types", "imports"} <= listed
    assert {"lock", "docs", "up", "down", "clean"} <= listed


def test_the_quick_check_runs_first_and_the_others_beside_the_tests() -> None:
    done = subprocess.run(
        ["make", "-n", "-j4", "check"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    before, beside = done.stdout.rsplit("check.sh", 1)

    assert "ruff" in before
    assert not [tool for tool in ("importlinter", "mypy", "pytest") if tool in before]
    assert "ruff" not in beside


@pytest.mark.parametrize(
    "failing", ["none", "ruff check", "importlinter", "mypy", "clients", "pytest"]
)
def test_a_failure_of_any_tool_fails_the_check(tmp_path: Path, failing: str) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for path in (
        *("requirements.lock", "requirements-uv.lock", "deploy/requirements-sandbox.lock"),
        *("deploy/setup.sh", "deploy/uv.py", "deploy/progress.py", "tests/clients/install.sh"),
        "deploy/check.sh",
        *(".venv/installed", ".venv/installed-dev", "gateway/src/gateway/openapi/openapi.json"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "deploy/check.sh").write_text((ROOT / "deploy/check.sh").read_text())
    if failing == "clients":
        (tmp_path / "tests/clients/install.sh").write_text("exit 1\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\ncase "$*" in *"{failing}"*) exit 1;; esac\necho "ran $*"\n')
    python.chmod(0o755)

    done = subprocess.run(
        ["make", "check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode == 0) == (failing == "none"), done.stderr
    if failing == "none":
        assert "pytest" in done.stdout.splitlines()[-1]
