"""The platform in a process of its own: `python -u run_platform.py FOLDER LOGS`.

It does what `perisai run --small` does. The output of each process goes into a file of its own in
LOGS, and no sign-in is shown.

The services are forks of this process, which imports them all: a start of one takes a quarter of
the processor time. That they start by their commands is tried by the tests of `perisai run`.
"""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from perisai_kit.__main__ import main as serve
from perisai_kit.services.processes import find_process
from sandbox.run import run
from sandbox.runner import STOP_SIGNALS
from sandbox.services import load_services

COMM = Path("/proc/self/comm")
"""The name of a process; a fork has the command line of its parent."""


def main(folder: Path, logs: Path) -> None:
    services = load_services()
    for service in services:
        find_process(service.name).load()
    gc.freeze()  # no fork looks through what they share

    def show(name: str, line: str) -> None:
        with (logs / f"{name}.log").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    async def stay_silent(_: dict[str, Any]) -> None:
        return

    run(folder, services, show=show, when_ready=stay_silent, small=True, fork=serve_here)


def serve_here(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Do in this fork what the command of a service does, `python -m perisai_kit NAME ...`."""
    _restore_signals()
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(command[2:])
    COMM.write_text(command[3])
    code = 1
    try:
        serve()
        code = 0
    except SystemExit as left:
        if isinstance(left.code, int):
            code = left.code
        else:
            sys.stderr.write(f"{left.code}\n")
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)  # what is to be done at the end of the runner's process is not done here


def _restore_signals() -> None:
    """Handle signals as a new Python does: the runner and subprocess have changed some."""
    signal.set_wakeup_fd(-1)
    for signum in (*STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(signum, signal.SIG_IGN)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
