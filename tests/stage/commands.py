"""`perisai` in a process of its own that need not import everything again.

A fork of a server of Python's multiprocessing, which has imported what the command needs: 0.1 s of
processor time instead of 0.6 to 0.9. What a real start imports, and that it works, is tried by the
tests that start the platform, and by those of `--help`.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
# actions first, because main would put it off. pytest, because a fork imports the main module.
FORKS.set_forkserver_preload(["sandbox.actions", "sandbox.doctor", "sandbox.main", "pytest"])
WAIT_S = 300
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def run_perisai(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Give a command; return its exit code and output. variables: more of the environment.

    Raises: TimeoutExpired, with the process killed.
    """
    arguments = ["perisai", *map(str, words)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = FORKS.Process(
            target=_command, args=(arguments, {**os.environ, **variables}, folder)
        )
        process.start()
        process.join(WAIT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, WAIT_S)
        output, errors = ((folder / each).read_text() for each in ("stdout", "stderr"))
    return subprocess.CompletedProcess(arguments, process.exitcode, output, errors)


def _command(arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
    for number, name in ((1, "stdout"), (2, "stderr")):
        opened = os.open(folder / name, NEW_FILE, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    from sandbox.main import app  # noqa: PLC0415 - in the fork, where it is imported already

    app(prog_name="perisai")
