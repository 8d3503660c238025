"""Children that end with their parent, and processes by id."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_S = 0.05


def die_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that makes the kernel send `signum` to the child when we die.

    Only Linux has this, and only the main thread can use it, because the kernel watches the thread
    that forked; otherwise return None. subprocess calls it after a change of the user, which would
    reset it.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return ask


def is_alive(pid: int) -> bool:
    """Tell whether a process with this id runs; zombies do not count where they are visible."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state != "Z"


def works_in(pid: int, folder: Path) -> bool:
    """Tell whether the process is a PostgreSQL server in `folder`.

    Without /proc only the name is compared.
    """
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
        except OSError:
            return False
    asked = ["ps", "-p", str(pid), "-o", "comm="]
    return "postgres" in subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def others_in(folder: Path) -> list[int]:
    """Return the ids of all processes with `folder` as working directory; none without /proc."""
    numbers = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in numbers if pid != os.getpid() and works_in(pid, folder)]


def wait_until(met: Callable[[], bool], *, timeout_s: float) -> bool:
    """Poll until `met()` is true; return whether it became true in time."""
    deadline = time.monotonic() + timeout_s
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def end_process(pid: int, *, signals: tuple[signal.Signals, ...], timeout_s: float) -> bool:
    """Send the signals in order until the process ends; return whether it ended."""
    for signum in signals:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not is_alive(pid), timeout_s=timeout_s):
            return True
    return not is_alive(pid)
