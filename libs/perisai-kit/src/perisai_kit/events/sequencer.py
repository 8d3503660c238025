"""The sequencer: numbers committed events, so that a feed has one order without gaps.

One sequencer per database leads, the one that holds the advisory lock; the others stand by. The
lock and the numbering use the same connection, so a sequencer that lost its lock cannot number.
Notifications from and to other processes use it too: events/signals.py.
"""

import asyncio
import time

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import Lock, autocommit_connection, list_writers, try_lock
from perisai_kit.db.notifications import Channel, Channels
from perisai_kit.db.outage import is_outage
from perisai_kit.domain import clock
from perisai_kit.events.positions import (
    BATCH,
    NO_GAPS,
    Numbered,
    number_events,
)
from perisai_kit.events.signals import Notifier, Signals
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.ticks import until_tick

REST_S, BUSY_REST_S = 0.05, 0.1
"""Pause after numbering events, and while there are many. Each round is a commit, and many writers
signal all the time."""
STANDBY_S = 1.0
LOOK_EVERY_S = 10.0
"""How often the leader looks although nothing was signalled. It finds only events of a process that
ended between its commit and its signal, and a move of the test clock that nobody notified it of."""
RECONNECT_S = 0.25
STATEMENT_TIMEOUT_S = 30
"""A server that disappeared must not block the sequencer for ever."""

CHECK_GAPS_EVERY_S = 1.0
"""How often to ask which transactions may still fill the gaps."""

log = get_logger()

numbered_total = Counter("perisai_feed_events_numbered_total", "Events that got their position.")
leading = Gauge("perisai_feed_sequencer_leading", "1 where this process numbers the events.")


class Sequencer:
    """The task that numbers events; runs until cancelled and survives restarts of PostgreSQL."""

    def __init__(self, database: Database, *, signals: Signals) -> None:
        self._database = database
        self._signals = signals
        self._offset = clock.offset()

    async def run(self) -> None:
        """Stand by or lead; start again after an outage."""
        while True:
            try:
                await self._lead_or_stand_by()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("sequencer.interrupted", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_S)
            finally:
                self._signals.change_role()
                leading.set(0)

    async def _lead_or_stand_by(self) -> None:
        signals = self._signals
        async with autocommit_connection(self._database.direct_engine) as connection:
            channels = await Channels.open(connection, on_end=signals.published.send)
            if not await self._try_to_lead(connection):
                await self._stand_by(connection, channels)
            await channels.listen(Channel.PUBLISHED, signals.published.send)
            signals.change_role(is_leading=True)
            leading.set(1)
            log.info("sequencer.elected")
            await self._number_for_ever(connection, channels)

    async def _try_to_lead(self, connection: AsyncConnection) -> bool:
        async with asyncio.timeout(STATEMENT_TIMEOUT_S):
            return await try_lock(connection, Lock.SEQUENCER)

    async def _stand_by(self, connection: AsyncConnection, channels: Channels) -> None:
        notifier = Notifier(channels, signals=self._signals)
        await notifier.start()
        while not await self._try_to_lead(connection):
            await notifier.send_for(STANDBY_S)
        await notifier.stop()

    async def _number_for_ever(self, connection: AsyncConnection, channels: Channels) -> None:
        signals, gaps = self._signals, Gaps()
        while True:
            self._wake_after_a_move()
            seen = signals.published.count
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                await gaps.check(connection)
                numbered = await number_events(connection, ended=gaps.ended)
            gaps.record(numbered)
            if numbered.count:
                numbered_total.inc(numbered.count)
                signals.record_numbered(numbered.count, now=time.monotonic())
                await channels.notify(Channel.NUMBERED)
            if 0 < numbered.count < BATCH:
                is_busy = signals.is_busy(now=time.monotonic())
                await asyncio.sleep(BUSY_REST_S if is_busy else REST_S)
            elif not numbered.count:
                look_s = until_tick(max(signals.poll_s, LOOK_EVERY_S))
                await signals.published.wait(seen, look_s)

    def _wake_after_a_move(self) -> None:
        if (offset := clock.offset()) != self._offset:
            self._offset = offset
            self._signals.numbered.send()


class Gaps:
    """The gaps in the numbers of events, until their transactions have committed or ended.

    A committed event appears in its gap. When all transactions that were writing events after a
    gap was seen have ended, what is missing in it was rolled back, and it is looked at once more.
    """

    def __init__(self, *, check_every_s: float = CHECK_GAPS_EVERY_S) -> None:
        self.ended = NO_GAPS
        """Gaps that nothing can fill any more."""
        self._seen = self._watched = NO_GAPS
        self._writers = frozenset[str]()
        self._every_s = check_every_s
        self._next_at = 0.0

    async def check(self, connection: AsyncConnection) -> None:
        """Find out which gaps have ended."""
        if self._seen == NO_GAPS or self.ended != NO_GAPS or time.monotonic() < self._next_at:
            return
        writers = await list_writers(connection, "events")
        if self._watched == NO_GAPS:
            self._watched, self._writers = self._seen, writers
        self._writers &= writers
        if not self._writers:
            self.ended, self._watched = self._watched, NO_GAPS
        self._next_at = time.monotonic() + self._every_s

    def record(self, numbered: Numbered) -> None:
        """Record what a batch has left. Only one that is not full drops the ended gaps."""
        self._seen = numbered.gaps
        if 0 < numbered.count < BATCH:
            self.ended = NO_GAPS
