"""What `pytest -n` says of tests in several processes, and of a process that is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.services import ROOT

pytestmark = pytest.mark.soak

FIXTURES = """
import os, pytest

@pytest.fixture(scope="session")
def shared():
    yield os.getpid()
    print("said at the end")
    raise RuntimeError("not given back")
"""
ONE_FILE = """
import os, pathlib, warnings, pytest

def test_first(shared, tmp_path):
    assert shared == os.getpid()
    (tmp_path.parent / "first").write_text(str(shared))

def test_second(shared, tmp_path):
    assert (tmp_path.parent / "first").read_text() == str(os.getpid())

def test_wrong():
    print("said before it failed")
    warnings.warn("better not", UserWarning)
    assert os.getpid() == 0

@pytest.mark.skip(reason="not today")
def test_left_out():
    assert False
"""
OTHER_FILE = """
def test_other(shared):
    assert shared
"""
KILLED = """
import os, signal

def test_that_is_killed():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder: Path, **files: str) -> tuple[int, str]:
    """Run these files in two processes; return the exit code and the output."""
    (folder / "pytest.ini").write_text("[pytest]")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    asked = [sys.executable, "-m", "pytest", "-n", "2", "-p", "stage.forks", "-p", "no:xdist"]
    done = subprocess.run(
        [*asked, "-rA", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_all_that_happens_in_a_process_is_said_by_the_first(tmp_path: Path) -> None:
    code, said = run(tmp_path, conftest=FIXTURES, test_one=ONE_FILE, test_other=OTHER_FILE)

    assert code == 1
    assert " 1 failed, 3 passed, 1 skipped, 1 warning, 2 errors in " in said.splitlines()[-1]
    assert "FAILED test_one.py::test_wrong - " in said
    assert "said before it failed" in said
    assert "UserWarning: better not" in said
    assert "not today" in said
    assert said.count("- Captured stdout teardown -") == 2
    assert "ERROR test_one.py::test_left_out - RuntimeError: not given back" in said
    assert "ERROR test_other.py::test_other - RuntimeError: not given back" in said


def test_a_process_that_is_killed_ends_the_run_with_a_failure(tmp_path: Path) -> None:
    code, said = run(tmp_path, test_killed=KILLED, conftest=FIXTURES)

    assert code == 1
    assert "a process ended with -9; its last report: " in said
