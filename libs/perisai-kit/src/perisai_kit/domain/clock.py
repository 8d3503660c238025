"""The only module that reads the clock.

Business time (`now`, `today`) follows the test clock of a sandbox. `real_now` does not: token
lifetimes, bank timestamps, time-outs and leases use it. The test clock is an offset in a small JSON
file that all processes of a sandbox share. It is refused outside of a sandbox.
"""

import json
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from perisai_kit.domain.jakarta import JAKARTA


class TestClockRefused(RuntimeError):
    """Raised at start if a test clock is configured outside of a sandbox."""

    __test__ = False  # the name begins with Test; pytest must not collect it


class _TestClock:
    def __init__(self) -> None:
        self._path: Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._offset = timedelta()

    def follow(self, path: Path | None) -> None:
        self._path, self._stamp, self._offset = path, None, timedelta()

    def offset(self) -> timedelta:
        if self._path is None:
            return timedelta()
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return timedelta()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._offset = timedelta(seconds=json.loads(self._path.read_text())["offset_s"])
            self._stamp = stamp
        return self._offset


_test_clock = _TestClock()
_second = (0, "")
"""The second that was last written as text, and that text."""


def real_now() -> datetime:
    """Return the present instant by the clock of the machine, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this module is the one reader of the clock


def real_now_text() -> str:
    """Return `real_now` as text, `2026-11-28T08:00:00.123456Z`, at a fifth of the cost."""
    global _second
    seconds, micros = divmod(time.time_ns() // 1000, 1_000_000)
    if seconds != _second[0]:
        _second = seconds, datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]
    return f"{_second[1]}.{micros:06d}Z"


def now() -> datetime:
    """Return the present business time, in UTC."""
    return real_now() + _test_clock.offset()


def offset() -> timedelta:
    """Return how far business time is from real time; it changes when the test clock is moved."""
    return _test_clock.offset()


def today() -> date:
    """Return the present business date in Asia/Jakarta."""
    return now().astimezone(JAKARTA).date()


def follow_test_clock(path: Path | None, *, sandbox: bool) -> None:
    """Let business time follow the file at `path`; None returns to real time.

    Raises: TestClockRefused when a path is given outside a sandbox.
    """
    if path is not None and not sandbox:
        raise TestClockRefused("PERISAI_CLOCK_FILE is only allowed with PERISAI_SANDBOX=1")
    _test_clock.follow(path)


def set_test_clock(path: Path, instant: datetime | None) -> None:
    """Set business time to `instant`, from which it runs on; None returns to real time."""
    offset = (instant - real_now()) if instant else timedelta()
    scratch = path.with_suffix(f".{os.getpid()}.new")
    scratch.write_text(json.dumps({"offset_s": offset.total_seconds()}))
    scratch.replace(path)
