"""Signals between the tasks of one process, so that a task need not wait for its next poll."""

import asyncio


class Signal:
    """Wakes every task of this process that waits for it."""

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def send(self) -> None:
        self.count += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Return once it has been sent more than `seen` times, or after the time-out.

        Read `count` before you look for work, so that a signal sent meanwhile is not missed.
        """
        event = self._event
        if self.count == seen:
            try:
                await asyncio.wait_for(event.wait(), timeout_s)
            except TimeoutError:
                return


BUSY_POLL_S = 0.05
IDLE_POLL_S = 1.0
IDLE_AFTER_S = 10.0


class Pace:
    """How often to poll for the work of other processes, which send no signal here.

    Every 50 ms while there is work, and once a second after ten seconds without. All instants are
    seconds of one monotonic clock.
    """

    def __init__(self, *, now: float) -> None:
        self._worked_at = now

    def record_work(self, *, now: float) -> None:
        """Record that a poll found something."""
        self._worked_at = now

    def poll_s(self, *, now: float) -> float:
        """Return the pause until the next poll."""
        return BUSY_POLL_S if now - self._worked_at < IDLE_AFTER_S else IDLE_POLL_S


class Signals:
    """The two signals of one process: events were published; events were numbered."""

    def __init__(self) -> None:
        self.published = Signal()
        """For `Database.after_publish`: a transaction with events was committed."""
        self.numbered = Signal()
        self.is_leading = False
        """Whether the sequencer of this process numbers the events."""
