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


class Wakeup:
    """The two bells of one process: a commit has published; events have got positions."""

    def __init__(self) -> None:
        self.published = Bell()
        self.numbered = Bell()
        self.led_here = False

    def wake(self) -> None:
        """Say that a transaction with events was committed; `Database.after_publish`."""
        self.published.ring()
