"""Children that end with their parent, and processes known only by their id."""

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
    """Return a `preexec_fn` that has the kernel send `signum` to the child when we die.

    None where it would be wrong or impossible: the kernel watches the *thread* that forked, so
    only the main thread may ask for it, and only Linux has it. Not lost when the child changes
    its user, because subprocess calls it after that.
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
    """Return whether a process has this id, not counting zombies where the system shows them."""
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
    """Return whether the process is a PostgreSQL at work in `folder`.

    Where there is no /proc only the name is compared.
    """
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
        except OSError:
            return False
    asked = ["ps", "-p", str(pid), "-o", "comm="]
    return "postgres" in subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def others_in(folder: Path) -> list[int]:
    """Return the ids of all processes at work in `folder`; empty where there is no /proc."""
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
    """Send the signals one after the other until the process is gone; return whether it is."""
    for signum in signals:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not is_alive(pid), timeout_s=timeout_s):
            return True
    return not is_alive(pid)
