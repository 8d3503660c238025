"""Bells inside one process, so that nobody waits for the next poll without need."""

import asyncio


class Bell:
    """Wakes every task of this process that waits for it."""

    def __init__(self) -> None:
        self.rung = 0
        self._event = asyncio.Event()

    def ring(self) -> None:
        self.rung += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Return once it has rung more than `seen` times, or after the time.

        Read `rung` before you look for work, so that a ring in between is not missed.
        """
        event = self._event
        if self.rung == seen:
            try:
                await asyncio.wait_for(event.wait(), timeout_s)
            except TimeoutError:
                return


BUSY_POLL_S = 0.05
IDLE_POLL_S = 1.0
IDLE_AFTER_S = 10.0


class Pace:
    """How often to look for what other processes did: they ring no bell here.

    Every 50 ms while there is work, and once a second when there was none for ten seconds. All
    instants are seconds of one monotonic clock.
    """

    def __init__(self, *, now: float) -> None:
        self._worked_at = now

    def note_work(self, *, now: float) -> None:
        """Say that a look found something."""
        self._worked_at = now

    def poll_s(self, *, now: float) -> float:
        """Return the pause until the next look."""
        return BUSY_POLL_S if now - self._worked_at < IDLE_AFTER_S else IDLE_POLL_S


class Wakeup:
    """The two bells of one process: a commit has published; events have got positions."""

    def __init__(self) -> None:
        self.published = Bell()
        self.numbered = Bell()
        self.led_here = False

    def wake(self) -> None:
        """Say that a transaction with events was committed; `Database.after_publish`."""
        self.published.ring()
