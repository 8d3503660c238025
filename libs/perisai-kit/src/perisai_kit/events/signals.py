"""Signals between the tasks of one process, so that a task need not wait for its next poll.

Processes that share a database pass signals on as notifications. The process whose sequencer leads
listens for "published" and sends "numbered"; every other process does the opposite. So none hears
itself, and a signal that arrived as a notification is never sent on.
"""

import asyncio
import time
from contextlib import suppress

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import autocommit_connection
from perisai_kit.db.notifications import Channel, Channels
from perisai_kit.runtime.log import get_logger

log = get_logger()


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
            # Not `wait_for`, which loses a cancellation at the same moment until Python 3.12.
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await event.wait()


BUSY_POLL_S = 0.05
IDLE_POLL_S = 1.0
IDLE_AFTER_S = 10.0


class Pace:
    """How often to poll for the work of other processes while no notification arrives here.

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


BUSY_BATCH = 25
BUSY_FOR_S = 1.0


class Signals:
    """The two signals of one process: events were published; events were numbered.

    poll_s: how often to poll although signals and notifications arrive, should one be lost.
    """

    def __init__(self, *, poll_s: float = IDLE_POLL_S) -> None:
        self.published = Signal()
        """For `Database.after_publish`: a transaction with events was committed. It wakes the
        sequencer where it leads, otherwise the task that notifies the leading one."""
        self.numbered = Signal()
        self.role = Signal()
        """`is_leading` or `is_listening` has changed."""
        self.poll_s = poll_s
        self.is_leading = False
        """Whether the sequencer of this process numbers the events."""
        self.is_listening = False
        """Whether the sequencer that leads notifies this process."""
        self._busy_until = float("-inf")

    def record_numbered(self, count: int, *, now: float) -> None:
        """Record that the sequencer of this process has numbered so many events, and signal it.

        now: seconds of a monotonic clock.
        """
        if count >= BUSY_BATCH:
            self._busy_until = now + BUSY_FOR_S
        self.numbered.send()

    def is_busy(self, *, now: float) -> bool:
        """Return whether this service publishes many events now, as far as this process knows."""
        return now < self._busy_until

    def change_role(self, *, is_leading: bool = False, is_listening: bool = False) -> None:
        """Record where "numbered" comes from. Readers, who relied on another source, poll once."""
        if (is_leading, is_listening) != (self.is_leading, self.is_listening):
            self.is_leading, self.is_listening = is_leading, is_listening
            self.role.send()
            self.numbered.send()


COALESCE_S = 0.05
"""Pause after a notification: one speaks for all commits of 50 ms, so at most 20 are sent a
second."""
CHECK_S = 30.0
"""How often a process that publishes nothing checks that its connection still works."""
RECONNECT_S = 1.0


class Notifier:
    """Exchanges notifications with the process whose sequencer leads."""

    def __init__(self, channels: Channels, *, signals: Signals) -> None:
        self._channels = channels
        self._signals = signals
        self._sent: int | None = None  # what was published before the connection was not sent

    async def start(self) -> None:
        """Listen; a notification becomes the signal of this process."""
        await self._channels.listen(Channel.NUMBERED, self._signals.numbered.send)
        self._signals.change_role(is_listening=True)

    async def send_for(self, duration_s: float) -> None:
        """Notify the leading sequencer of what is published here, for so long."""
        ends, signal = time.monotonic() + duration_s, self._signals.published
        while (left := ends - time.monotonic()) > 0:
            seen = signal.count
            if seen == self._sent:
                await signal.wait(seen, left)
            else:
                await self._channels.notify(Channel.PUBLISHED)
                self._sent = seen
                await asyncio.sleep(COALESCE_S)

    async def stop(self) -> None:
        """Listen no more: the sequencer of this process leads."""
        await self._channels.stop_listening(Channel.NUMBERED)


async def exchange_notifications(database: Database, *, signals: Signals) -> None:
    """Exchange notifications until cancelled, in a process without a worker.

    A process with a worker needs no task and no connection for this: its sequencer uses the one
    that it has for its lock. During an outage the readers of this process poll at their `Pace`.
    """
    if database.is_joined:
        return  # its one transaction is never committed, so no other process can see it
    is_reported = False
    while True:
        try:
            async with autocommit_connection(database.direct_engine) as connection:
                channels = await Channels.open(connection, on_end=signals.published.send)
                notifier = Notifier(channels, signals=signals)
                await notifier.start()
                if is_reported:
                    log.info("notifications.resumed")
                is_reported = False
                while True:
                    await notifier.send_for(CHECK_S)
                    await channels.check()
        except Exception as error:  # noqa: BLE001 - every failure is retried, and polls go on
            if not is_reported:
                log.info("notifications.interrupted", error=type(error).__name__)
            is_reported = True
        finally:
            signals.change_role()
        await asyncio.sleep(RECONNECT_S)
