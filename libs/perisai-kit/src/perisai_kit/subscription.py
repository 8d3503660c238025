"""Reading another service's feed so that each event takes effect exactly once.

A batch is fetched without a transaction. Then one transaction locks the cursor, drops the batch
if another worker moved it meanwhile, applies the events and stores the cursor: whatever crashes,
cursor and effects stay together. A batch that fails is applied event by event; an event that
keeps failing is parked and holds up later events of its own subject only. An outage never parks:
the batch is tried again until it passes.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit import clock, cursors, parked
from perisai_kit.cloudevents import CloudEvent, read_batch
from perisai_kit.db import Database
from perisai_kit.errors import Conflict, DomainError
from perisai_kit.events import Event, registry
from perisai_kit.feed import FEED_PATH, MAX_LIMIT
from perisai_kit.graceful import finish
from perisai_kit.log import get_logger
from perisai_kit.outage import is_outage

MAX_ATTEMPTS = 3
RETRY_S = 0.05
"""Pause before an event's second attempt; twice that before the third."""
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses after failures in a row; the last one repeats."""
ANSWER_S = 10.0
"""What an answer may take beyond the time we asked the feed to wait."""
REST_S = 0.2
"""Pause after a page that was not full: of a steady stream, what comes meanwhile is read together,
because a page costs about the same for one event as for fifty. A lone event waits for nothing."""
MAX_REPLAYED = 1000

Handler = Callable[[AsyncSession, Any], Awaitable[None]]

log = get_logger()

lag_seconds = Gauge(
    "perisai_subscription_lag_seconds",
    "Seconds since the subscription was last known to have read everything.",
    ["subscription"],
)
position_gauge = Gauge(
    "perisai_subscription_position", "Position of the last event applied.", ["subscription"]
)
parked_gauge = Gauge(
    "perisai_subscription_parked_events", "Events that wait to be replayed.", ["subscription"]
)


class ReplayFailed(Conflict):
    """`details`: the failing event's id and the error's name."""

    code = "replay_failed"
    text = "The event fails again; it stays parked, and those behind it."
    text_id = "Peristiwa gagal lagi; tetap tertahan bersama yang di belakangnya."


class FeedSource(Protocol):
    """A `ServiceClient`, or a `LocalFeed` for this service's own events."""

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> Any: ...


class Subscription:
    """One reader of one feed.

    handlers: event class → async (session, event). batch_handlers: event class → async (session,
    events), given each run of neighbouring events of that class at once, for set-based work.
    Handlers run in the subscription's transaction and make no calls outside; events of other
    types are passed over. The name is the cursor's key: never rename it.
    """

    def __init__(
        self,
        *,
        name: str,
        source: FeedSource,
        handlers: Mapping[type[Event], Handler] | None = None,
        batch_handlers: Mapping[type[Event], Handler] | None = None,
        limit: int = 500,
        poll_s: float = 5.0,
    ) -> None:
        assert 1 <= limit <= MAX_LIMIT
        self.name = name
        self._source = source
        self._handlers = dict(handlers or {})
        self._batch_handlers = dict(batch_handlers or {})
        self._classes = registry(*self._handlers, *self._batch_handlers)
        self._limit = limit
        self._poll_s = poll_s
        self._failures = 0

    async def run(self, database: Database) -> None:
        """Read until cancelled; then the batch in hand is ended first."""
        while True:
            try:
                count = await self.step(database)
                self._failures = 0
                if 0 < count < self._limit:
                    await asyncio.sleep(REST_S)
            except Exception as error:  # noqa: BLE001 - every failure is retried, none is fatal
                pause = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
                self._failures += 1
                log.warning(
                    "subscription.interrupted",
                    subscription=self.name,
                    failures=self._failures,
                    error=name_of(error),
                )
                await asyncio.sleep(pause)

    async def step(self, database: Database) -> int:
        """Fetch one batch, waiting for it at the feed, and apply it; return its length.

        Raises: whatever outage there is; nothing was applied or moved then.
        """
        cursor = await self._read_cursor(database)
        asked_at = clock.now()
        answer = await self._source.get(
            FEED_PATH,
            {"lastEventId": str(cursor), "limit": self._limit, "timeout": int(self._poll_s * 1000)},
            timeout_s=self._poll_s + ANSWER_S,
        )
        batch = read_batch(answer, after=cursor)
        if batch:
            await finish(self._consume(database, cursor, batch))
        else:
            await self._note_caught_up(database, cursor, asked_at)
        return len(batch)

    async def _read_cursor(self, database: Database) -> int:
        async with database.read() as session:
            found = await cursors.find_cursor(session, self.name)
        if found is not None:
            return found.position
        async with database.begin() as session:
            await cursors.insert_once_cursor(session, self.name)
        return 0

    async def _note_caught_up(self, database: Database, cursor: int, asked_at: datetime) -> None:
        async with database.begin() as session:
            await cursors.note_caught_up(session, self.name, position=cursor, caught_up_at=asked_at)

    async def _consume(self, database: Database, cursor: int, batch: Sequence[CloudEvent]) -> None:
        try:
            await self._apply(database, cursor, batch)
        except Exception as error:
            if is_outage(error):
                raise
            log.warning("subscription.batch_failed", subscription=self.name, exc_info=error)
            await self._apply_singly(database, cursor, batch)

    async def _apply(self, database: Database, cursor: int, batch: Sequence[CloudEvent]) -> bool:
        """Apply the batch and move the cursor; False when another worker has moved it."""
        async with database.begin() as session:
            if await cursors.lock_position(session, self.name) != cursor:
                return False
            known = [event for event in batch if event.type in self._classes]
            subjects = sorted({event.subject for event in known})
            blocked = await parked.find_blocked(session, self.name, subjects)
            behind = [event for event in known if event.subject in blocked]
            await parked.park(session, self.name, behind, error=parked.WAITS_BEHIND, attempts=0)
            await self._handle(session, [each for each in known if each.subject not in blocked])
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
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return await self._apply(database, cursor, [event])
            except Exception as error:
                if is_outage(error):
                    raise
                failure = error
            if attempt < MAX_ATTEMPTS:
                await asyncio.sleep(RETRY_S * attempt)
        return await self._park(database, cursor, event, failure)

    async def _park(
        self, database: Database, cursor: int, event: CloudEvent, failure: Exception
    ) -> bool:
        error = name_of(failure)
        async with database.begin() as session:
            if await cursors.lock_position(session, self.name) != cursor:
                return False
            await parked.park(session, self.name, [event], error=error, attempts=MAX_ATTEMPTS)
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

    async def _handle(self, session: AsyncSession, events: Sequence[CloudEvent]) -> None:
        for cls, run in groupby(events, lambda event: self._classes[event.type]):
            envelopes = list(run)
            facts = [cls.model_validate(envelope.data) for envelope in envelopes]
            if cls in self._batch_handlers:
                await self._batch_handlers[cls](session, facts)
                continue
            for envelope, fact in zip(envelopes, facts, strict=True):
                with structlog.contextvars.bound_contextvars(event_id=str(envelope.id)):
                    await self._handlers[cls](session, fact)

    async def replay(self, database: Database, parked_id: uuid.UUID) -> int:
        """Apply what is parked of this event's subject, in its order; return how many events.

        Each in a transaction of its own, so that those before a failing one stay applied.
        Raises: ParkedEventNotFound, ReplayFailed.
        """
        async with database.read() as session:
            subject = (await parked.get_waiting(session, parked_id)).subject
        for count in range(MAX_REPLAYED):
            if not await self._replay_first(database, subject):
                return count
        return MAX_REPLAYED

    async def _replay_first(self, database: Database, subject: str) -> bool:
        async with database.begin() as session:
            # New events of the subject are parked behind for as long as we hold this lock.
            await cursors.lock_position(session, self.name)
            first = await parked.find_first_waiting(session, self.name, subject)
            if first is None:
                return False
            try:
                await self._handle(session, [parked.envelope_of(first)])
            except Exception as error:
                if is_outage(error):
                    raise
                log.warning("event.replay_failed", event_id=str(first.event_id), exc_info=error)
                raise ReplayFailed(event_id=str(first.event_id), error=name_of(error)) from None
            await parked.mark_replayed(session, first.id)
        return True

    async def status(self, database: Database) -> dict[str, Any]:
        """Return how far this subscription has come, from the database, as plain values."""
        async with database.read() as session:
            found = await cursors.find_cursor(session, self.name)
            waiting = await parked.count_waiting(session, self.name)
        caught_up_at = found.caught_up_at if found else None
        return {
            "name": self.name,
            "position": found.position if found else 0,
            "caught_up_at": caught_up_at.isoformat() if caught_up_at else None,
            "lag_s": _lag_s(caught_up_at),
            "parked": waiting,
        }

    async def measure(self, database: Database) -> None:
        """Set this subscription's figures for Prometheus."""
        status = await self.status(database)
        position_gauge.labels(self.name).set(status["position"])
        parked_gauge.labels(self.name).set(status["parked"])
        if status["lag_s"] is not None:
            lag_seconds.labels(self.name).set(status["lag_s"])


def _lag_s(caught_up_at: datetime | None) -> float | None:
    if caught_up_at is None:
        return None
    return max(0.0, round((clock.now() - caught_up_at).total_seconds(), 3))


def name_of(error: BaseException) -> str:
    """Return what kind of error it is, without its words, which may hold somebody's data."""
    return error.code if isinstance(error, DomainError) else type(error).__name__
