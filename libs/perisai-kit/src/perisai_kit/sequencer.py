"""Numbers committed events, so that a feed has one order without gaps.

One sequencer per database is at work, the one that holds the advisory lock; others stand by. The
lock and the numbering share a connection, so a sequencer that lost its lock cannot number.
"""

import asyncio

from prometheus_client import Counter, Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from perisai_kit.advisory import Lock, advisory_lock
from perisai_kit.db import Database
from perisai_kit.feed import Wakeup
from perisai_kit.log import get_logger
from perisai_kit.outage import is_outage

BATCH = 1000
POLL_S = 0.05
"""How soon a commit of another process is noticed; our own commits ring."""
STANDBY_S = 1.0
RECONNECT_S = 0.25
STATEMENT_TIMEOUT_S = 30
"""A server that vanished without a word must not hold the sequencer for ever."""

_NUMBER = text(
    """
    WITH fresh AS (
        SELECT id, row_number() OVER (ORDER BY seq) AS place
        FROM (SELECT id, seq FROM events WHERE position IS NULL ORDER BY seq LIMIT :batch) AS next
    ), last AS (
        SELECT coalesce(max(position), 0) AS position FROM events WHERE position IS NOT NULL
    )
    UPDATE events SET position = last.position + fresh.place
    FROM fresh, last WHERE events.id = fresh.id
    """
)

log = get_logger()

numbered_total = Counter("perisai_feed_events_numbered_total", "Events that got their position.")
leading = Gauge("perisai_feed_sequencer_leading", "1 where this process numbers the events.")


class Sequencer:
    """The task that numbers events; runs until cancelled and survives restarts of PostgreSQL."""

    def __init__(self, database: Database, *, wakeup: Wakeup) -> None:
        self._database = database
        self._wakeup = wakeup

    async def run(self) -> None:
        """Stand by, lead, and after an outage begin again."""
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
        async with advisory_lock(self._database.engine, Lock.SEQUENCER) as connection:
            if connection is not None:
                self._lead(True)
                log.info("sequencer.leading")
                await self._number_for_ever(connection)
        await asyncio.sleep(STANDBY_S)

    async def _number_for_ever(self, connection: AsyncConnection) -> None:
        bell = self._wakeup.published
        while True:
            seen = bell.rung
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                count = await number_events(connection)
            if count:
                numbered_total.inc(count)
                self._wakeup.numbered.ring()
            if count < BATCH:
                await bell.wait(seen, POLL_S)

    def _lead(self, is_leading: bool) -> None:
        self._wakeup.led_here = is_leading
        leading.set(is_leading)


async def number_events(connection: AsyncConnection, *, batch: int = BATCH) -> int:
    """Give positions to up to `batch` committed events that have none; return how many.

    The caller holds the sequencer's lock on this connection.
    """
    return (await connection.execute(_NUMBER, {"batch": batch})).rowcount
