"""When a process reads a feed: whether it is its turn, and how long it pauses after a page.

The process whose sequencer leads reads. The lock of the cursor makes each event take effect once.
But two processes that read a feed both fetch every page, and wait for each other. So the others
stand by, and read only where the cursor has stood still for longer than a long poll takes.

Work that may be late is throttled: docs/adr/0023-deferrable-work-is-throttled.md.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from perisai_kit.db.engine import Database
from perisai_kit.events import cursors
from perisai_kit.events.signals import Signals
from perisai_kit.runtime.log import get_logger

STALLED_S = 55.0
"""A reader moves its cursor, or records that there was nothing, at least as often: a long poll of
30 s, 10 s for the answer, and the longest pause after a page or a failure."""
CHECK_S = 5.0
REST_S, BUSY_FROM = 0.2, 25
"""Pause after a page of fewer events; after a longer one see `Urgency`. A page costs much the same
for one event as for fifty. The first event after a time without any is not delayed."""
MOST_REST_S = 10.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class Urgency:
    """How long a reader pauses after a page of BUSY_FROM events or more.

    rest_s: at least so long, except after a full page, which has more behind it. rest_ratio: and so
    many times as long as it worked on the page, even on a full one, but at most MOST_REST_S. Where
    others need the processors too, that work takes longer, so it takes less of them by itself.
    busy_ratio: the same while its service publishes many events.
    """

    rest_s: float
    rest_ratio: float = 0.0
    busy_ratio: float = 0.0

    def compute_rest_s(
        self, length: int, limit: int, worked_s: float, signals: Signals | None = None
    ) -> float:
        """Return the pause after a page of so many events.

        limit: of a full page. signals: of the process, if any.
        """
        if length < min(BUSY_FROM, limit):
            return REST_S if length else 0.0
        least_s = self.rest_s if length < limit else 0.0
        return max(least_s, min(self.get_ratio(signals) * worked_s, MOST_REST_S))

    def get_ratio(self, signals: Signals | None) -> float:
        """Return how many times as long as it worked it pauses. signals: of the process, if any."""
        is_busy = signals is not None and signals.is_busy(now=time.monotonic())
        return self.busy_ratio if is_busy else self.rest_ratio


URGENT, USUAL = Urgency(0.1), Urgency(0.5)
DEFERRABLE = Urgency(3.0, rest_ratio=2.0, busy_ratio=20.0)
"""For cover, which members look for; for most; and for what may be late."""


class Turns:
    """Tells one subscription when this process reads."""

    def __init__(
        self,
        subscription: str,
        signals: Signals,
        *,
        stalled_s: float = STALLED_S,
        check_s: float = CHECK_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """stalled_s: how long the cursor must stand still; this process then reads as long.

        now: seconds of a monotonic clock.
        """
        self._subscription = subscription
        self._signals = signals
        self._stalled_s = stalled_s
        self._check_s = check_s
        self._now = now
        self._reads_until = 0.0

    async def wait(self, database: Database) -> None:
        """Return when it is this process's turn: at once where its sequencer leads."""
        if self._is_turn():
            return
        seen, since = await self._look(database), self._now()
        while not self._is_turn():
            count = self._signals.role.count
            await self._signals.role.wait(count, self._check_s)
            now, found = self._now(), await self._look(database)
            if found != seen:
                seen, since = found, now
            elif now - since >= self._stalled_s:
                log.warning("subscription.adopted", subscription=self._subscription)
                self._reads_until = now + self._stalled_s

    def _is_turn(self) -> bool:
        return self._signals.is_leading or self._now() < self._reads_until

    async def _look(self, database: Database) -> tuple[int, datetime | None] | None:
        async with database.read() as session:
            cursor = await cursors.find_cursor(session, self._subscription)
        return None if cursor is None else (cursor.position, cursor.caught_up_at)
