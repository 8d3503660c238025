"""Which process reads a feed: the one whose sequencer leads.

The lock of the cursor makes each event take effect once. But two processes that read a feed both
fetch every page, and wait for each other. So the others stand by, and read only where the cursor
has stood still for longer than a long poll takes.
"""

import time
from collections.abc import Callable
from datetime import datetime

from perisai_kit.db.engine import Database
from perisai_kit.events import cursors
from perisai_kit.events.signals import Signals
from perisai_kit.runtime.log import get_logger

STALLED_S = 55.0
"""A reader moves its cursor, or records that there was nothing, at least as often: a long poll of
30 s, 10 s for the answer, and the longest pause after a failure."""
CHECK_S = 5.0

log = get_logger()


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
