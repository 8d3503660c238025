"""Subscriptions: read another service's feed, so that each event takes effect exactly once.

A batch is fetched without a transaction. Then one transaction locks the cursor, drops the batch if
another worker has moved the cursor, applies the events and stores the cursor. So effects and cursor
are always consistent. A batch that fails is applied event by event. An event that keeps failing is
parked and delays only later events of its own subject.

An outage parks no event: while the database does not answer, the batch is retried. The type of an
error is not enough to detect an outage, because handlers may raise any error.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Protocol

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database, use_indexes
from perisai_kit.db.outage import is_database_error, is_outage
from perisai_kit.domain import clock
from perisai_kit.events import cursors
from perisai_kit.events import parking as parked
from perisai_kit.events.envelope import BOOKMARK_TYPE, CloudEvent, Event, read_batch
from perisai_kit.events.feed import FEED_PATH, MAX_LIMIT
from perisai_kit.events.handlers import Handler, Handlers, get_error_name
from perisai_kit.events.replay import Replay
from perisai_kit.events.signals import Signals
from perisai_kit.events.turns import USUAL, Turns, Urgency
from perisai_kit.runtime.graceful import finish
from perisai_kit.runtime.log import get_logger

RETRY_S = (0.05, 0.1)
"""Pauses before the second and third attempt of an event; then it is parked."""
PATIENCE_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses for database errors that usually pass, such as deadlocks, while the database answers. They
are bounded, because an event that always causes such an error must not stop the feed."""
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses after consecutive failures; the last one repeats."""
ANSWER_S = 10.0
"""The time for an answer beyond the requested wait."""
POLL_S = 30.0
"""How long a request waits at the feed. New events are answered at once. Without any,
`caught_up_at` is at most this old."""

log = get_logger()

lag_seconds = Gauge(
    "perisai_subscription_lag_seconds",
    "Seconds since the subscription had last read all events.",
    ["subscription"],
)
position_gauge = Gauge(
    "perisai_subscription_position", "Position of the last event applied.", ["subscription"]
)
parked_gauge = Gauge(
    "perisai_subscription_parked_events", "Events that wait to be replayed.", ["subscription"]
)


class FeedSource(Protocol):
    """A `ServiceClient`, or a `LocalFeed` for this service's own events."""

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> Any: ...


class Subscription:
    """A reader of one feed.

    handlers: event class → async (session, event). batch_handlers: event class → async (session,
    events), called with consecutive events of its classes, for set-based work. Handlers run in the
    subscription's transaction and make no remote calls. The feed is asked for their types only, and
    its answers say how far it has passed over events of other types.
    name: the key of the cursor; never rename it. limit: events of a page, which share a transaction
    and the locks of their handlers. patience_s: see PATIENCE_S. `parked` replays or dismisses
    parked events.
    """

    def __init__(
        self,
        *,
        name: str,
        source: FeedSource,
        handlers: Mapping[type[Event], Handler] | None = None,
        batch_handlers: Mapping[type[Event], Handler] | None = None,
        limit: int = MAX_LIMIT,
        poll_s: float = POLL_S,
        patience_s: Sequence[float] = PATIENCE_S,
        urgency: Urgency = USUAL,
    ) -> None:
        assert 1 <= limit <= MAX_LIMIT
        self.name = name
        self.source = source
        self._handlers = Handlers(handlers, batch_handlers)
        self.parked = Replay(name, self._handlers)
        self._limit = limit
        self._poll_s = poll_s
        self._patience_s = tuple(patience_s)
        self.urgency = urgency
        self._waited_s = 0.0
        self._failures = 0
        self._stood_at: int | None = None
        self._offset: timedelta | None = None

    async def run(self, database: Database, *, signals: Signals | None = None) -> None:
        """Read until cancelled; the current batch is finished first.

        signals: those of the sequencer beside it, where several processes read; see turns.py.
        """
        is_swept, turns = False, signals and Turns(self.name, signals)
        while True:
            try:
                if turns:
                    await turns.wait(database)
                if not is_swept:
                    await self.parked.pass_over_removed(database)
                    is_swept = True
                began = time.monotonic()
                length = await self.step(database)
                self._failures = 0
                worked_s = time.monotonic() - began - self._waited_s
                rest_s = self.urgency.compute_rest_s(length, self._limit, worked_s, signals)
                await asyncio.sleep(rest_s)
            except Exception as error:  # noqa: BLE001 - every failure is retried, none is fatal
                pause = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
                self._failures += 1
                log.warning(
                    "subscription.interrupted",
                    subscription=self.name,
                    failures=self._failures,
                    error=get_error_name(error),
                )
                await asyncio.sleep(pause)

    async def step(self, database: Database) -> int:
        """Fetch one batch with a long poll and apply it; return the number of its events.

        Raises: the error of an outage; nothing was applied then.
        """
        # If another worker has moved the cursor, that is noticed when the answer is recorded.
        cursor = await self._read_cursor(database) if self._stood_at is None else self._stood_at
        self._stood_at = None
        asked_at, poll_s, asked = clock.now(), self._next_poll_s(), time.monotonic()
        answer = await self.source.get(
            FEED_PATH,
            {
                "lastEventId": str(cursor),
                "limit": self._limit,
                "timeout": int(poll_s * 1000),
                "type": ",".join(sorted(self._handlers.types)),
            },
            timeout_s=poll_s + ANSWER_S,
        )
        self._waited_s = time.monotonic() - asked
        batch = read_batch(answer, after=cursor)
        if batch:
            if await finish(self._consume(database, cursor, batch)):
                self._stood_at = batch[-1].position
        elif await self._record_caught_up(database, cursor, asked_at):
            self._stood_at = cursor
        return sum(event.type != BOOKMARK_TYPE for event in batch)

    def _next_poll_s(self) -> float:
        """Return how long the next request waits: 0 at first and after the test clock was moved.

        So `caught_up_at` soon shows the new time.
        """
        last, self._offset = self._offset, clock.offset()
        return self._poll_s if self._offset == last else 0.0

    async def _read_cursor(self, database: Database) -> int:
        async with database.read() as session:
            found = await cursors.find_cursor(session, self.name)
        if found is not None:
            return found.position
        async with database.begin() as session:
            await cursors.insert_once_cursor(session, self.name)
        return 0

    async def _record_caught_up(self, database: Database, cursor: int, asked_at: datetime) -> bool:
        async with database.begin() as session:
            return await cursors.record_caught_up(
                session, self.name, position=cursor, caught_up_at=asked_at
            )

    async def _consume(self, database: Database, cursor: int, batch: Sequence[CloudEvent]) -> bool:
        """Apply or park the events; return whether the cursor is known to be behind them."""
        try:
            return await self._apply(database, cursor, batch)
        except Exception as error:
            if is_outage(error) and not await database.is_answering():
                raise
            log.warning("subscription.batch_failed", subscription=self.name, exc_info=error)
            await self._apply_singly(database, cursor, batch)
            return False

    async def _apply(self, database: Database, cursor: int, batch: Sequence[CloudEvent]) -> bool:
        """Apply the batch and move the cursor; return False if another worker has moved it."""
        async with database.begin() as session:
            await use_indexes(session)
            if await cursors.lock_position(session, self.name) != cursor:
                return False
            known = [event for event in batch if event.type in self._handlers.types]
            subjects = sorted({event.subject for event in known})
            blocked = await parked.find_blocked(session, self.name, subjects)
            behind = [event for event in known if event.subject in blocked]
            await parked.park(session, self.name, behind, error=parked.WAITS_BEHIND, attempts=0)
            free = [each for each in known if each.subject not in blocked]
            await self._handlers.apply(session, free)
            await cursors.store_position(
                session,
                self.name,
                position=batch[-1].position,
                caught_up_at=batch[-1].completeat,
            )
        return True

    async def _apply_singly(
        self, database: Database, cursor: int, batch: Sequence[CloudEvent]
    ) -> None:
        for event in batch:
            if not await self._apply_or_park(database, cursor, event):
                return
            cursor = event.position

    async def _apply_or_park(self, database: Database, cursor: int, event: CloudEvent) -> bool:
        for attempt in count(1):
            try:
                return await self._apply(database, cursor, [event])
            except Exception as error:
                if is_outage(error) and not await database.is_answering():
                    raise
                failure = error
            passes = is_outage(failure) and is_database_error(failure)
            pauses = self._patience_s if passes else RETRY_S
            if attempt > len(pauses):
                break
            await asyncio.sleep(pauses[attempt - 1])
        return await self._park(database, cursor, event, failure, attempt)

    async def _park(
        self, database: Database, cursor: int, event: CloudEvent, failure: Exception, attempts: int
    ) -> bool:
        error = get_error_name(failure)
        async with database.begin() as session:
            if await cursors.lock_position(session, self.name) != cursor:
                return False
            await parked.park(session, self.name, [event], error=error, attempts=attempts)
            await cursors.store_position(
                session, self.name, position=event.position, caught_up_at=None
            )
        log.error(
            "event.parked",
            subscription=self.name,
            event_id=str(event.id),
            type=event.type,
            exc_info=failure,
        )
        return True

    async def status(self, database: Database) -> dict[str, Any]:
        """Return position, lag and parked events of this subscription as plain values."""
        async with database.read() as session:
            (figures,) = await read_figures(session, [self.name])
        return figures


async def read_figures(session: AsyncSession, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return position, lag and parked events of each subscription as plain values."""
    found = {each.name: each for each in await cursors.list_cursors(session, names)}
    waiting = await parked.count_waiting(session, names)
    figures = []
    for name in names:
        cursor = found.get(name)
        caught_up_at = cursor.caught_up_at if cursor else None
        lag_s = round((clock.now() - caught_up_at).total_seconds(), 3) if caught_up_at else None
        figures.append(
            {
                "name": name,
                "position": cursor.position if cursor else 0,
                "caught_up_at": caught_up_at.isoformat() if caught_up_at else None,
                "lag_s": lag_s and max(0.0, lag_s),
                "parked": waiting.get(name, 0),
            }
        )
    return figures


async def measure_subscriptions(session: AsyncSession, names: Sequence[str]) -> None:
    """Set the metrics of these subscriptions."""
    for each in await read_figures(session, names):
        position_gauge.labels(each["name"]).set(each["position"])
        parked_gauge.labels(each["name"]).set(each["parked"])
        if each["lag_s"] is not None:
            lag_seconds.labels(each["name"]).set(each["lag_s"])
