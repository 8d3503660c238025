"""The sequencer: numbers committed events, so that a feed has one order without gaps.

One sequencer per database leads, the one that holds the advisory lock; the others stand by. The
lock and the numbering use the same connection, so a sequencer that lost its lock cannot number.
"""

import asyncio
import time

from prometheus_client import Counter, Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from perisai_kit.db.engine import Database
from perisai_kit.db.locks import Lock, advisory_lock
from perisai_kit.db.outage import is_outage
from perisai_kit.events.signals import Pace, Signals
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
                self._lead(False)

    async def _lead_or_stand_by(self) -> None:
        async with advisory_lock(self._database.direct_engine, Lock.SEQUENCER) as connection:
            if connection is not None:
                self._lead(True)
                log.info("sequencer.elected")
                await self._number_for_ever(connection)
        await asyncio.sleep(STANDBY_S)

    async def _number_for_ever(self, connection: AsyncConnection) -> None:
        signal, floor = self._signals.published, Floor()
        pace = Pace(now=time.monotonic())
        while True:
            seen = signal.count
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                count, highest = await number_events(connection, floor=floor.next_start())
            floor.record_scan(count, highest)
            if count:
                pace.record_work(now=time.monotonic())
                numbered_total.inc(count)
                self._signals.numbered.send()
            if 0 < count < BATCH:
                await asyncio.sleep(REST_S)
            elif not count:
                await signal.wait(seen, pace.poll_s(now=time.monotonic()))

    def _lead(self, is_leading: bool) -> None:
        if is_leading != self._signals.is_leading:
            self._signals.is_leading = is_leading
            self._signals.numbered.send()  # readers that relied on the signal poll once
        leading.set(is_leading)


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
