"""The sequencer: numbers committed events, so that a feed has one order without gaps.

One sequencer per database leads, the one that holds the advisory lock; the others stand by. The
lock and the numbering use the same connection, so a sequencer that lost its lock cannot number.
Notifications from and to other processes use it too: events/signals.py.
"""

import asyncio
import time

from prometheus_client import Counter, Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import Lock, autocommit_connection, try_lock
from perisai_kit.db.notifications import Channel, Channels
from perisai_kit.db.outage import is_outage
from perisai_kit.events.signals import Notifier, Signals
from perisai_kit.runtime.log import get_logger

BATCH = 1000
REST_S = 0.05
"""Pause after numbering events. Each round is a commit, and many writers signal all the time."""
STANDBY_S = 1.0
RECONNECT_S = 0.25
STATEMENT_TIMEOUT_S = 30
"""A server that disappeared must not block the sequencer for ever."""

FULL_SCAN_EVERY_S = 10.0
"""How often the whole index is scanned, and not only above the floor.

Each numbered event leaves a dead entry in the index. While an old snapshot exists, such as that of
a backup, these entries cannot be removed. So the scan usually begins above the events numbered ten
seconds ago. Events of longer transactions are found by the next full scan.
"""

_NUMBER = text(
    """
    WITH fresh AS (
        SELECT id, row_number() OVER (ORDER BY seq) AS place
        FROM (
            SELECT id, seq FROM events
            WHERE position IS NULL AND seq > :floor ORDER BY seq LIMIT :batch
        ) AS next
    ), last AS (
        SELECT coalesce(max(position), 0) AS position FROM events WHERE position IS NOT NULL
    ), numbered AS (
        UPDATE events SET position = last.position + fresh.place
        FROM fresh, last WHERE events.id = fresh.id
        RETURNING events.seq
    )
    SELECT count(*), max(seq) FROM numbered
    """
)

log = get_logger()

numbered_total = Counter("perisai_feed_events_numbered_total", "Events that got their position.")
leading = Gauge("perisai_feed_sequencer_leading", "1 where this process numbers the events.")


class Sequencer:
    """The task that numbers events; runs until cancelled and survives restarts of PostgreSQL."""

    def __init__(self, database: Database, *, signals: Signals) -> None:
        self._database = database
        self._signals = signals

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
        signals, floor = self._signals, Floor()
        while True:
            seen = signals.published.count
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                count, highest = await number_events(connection, floor=floor.next_start())
            floor.record_scan(count, highest)
            if count:
                numbered_total.inc(count)
                signals.numbered.send()
                await channels.notify(Channel.NUMBERED)
            if 0 < count < BATCH:
                await asyncio.sleep(REST_S)
            elif not count:
                await signals.published.wait(seen, signals.poll_s)


class Floor:
    """The `seq` from which a scan begins: see FULL_SCAN_EVERY_S."""

    def __init__(self, *, full_scan_every_s: float = FULL_SCAN_EVERY_S) -> None:
        self.floor = 0
        self._next_floor = self._highest = 0
        self._every_s = full_scan_every_s
        self._full_at = 0.0
        self._is_full = True

    def next_start(self) -> int:
        """Return the start of the next scan; 0 is a full scan."""
        self._is_full = self._is_full or time.monotonic() >= self._full_at
        return 0 if self._is_full else self.floor

    def record_scan(self, count: int, highest: int) -> None:
        """Record what the scan found."""
        self._highest = max(self._highest, highest)
        if self._is_full and count < BATCH:  # otherwise more may wait below
            self._is_full = False
            self._full_at = time.monotonic() + self._every_s
            self.floor, self._next_floor = self._next_floor, self._highest


async def number_events(
    connection: AsyncConnection, *, floor: int = 0, batch: int = BATCH
) -> tuple[int, int]:
    """Give positions to up to `batch` committed events that have none.

    The caller holds the sequencer's lock on this connection. floor: the `seq` where the scan
    begins. Return the number of events and their highest `seq`.
    """
    count, highest = (await connection.execute(_NUMBER, {"floor": floor, "batch": batch})).one()
    return count, highest or 0
