"""The feed of a service's own events: `GET /feed` for others, `LocalFeed` for itself."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.db.engine import Database, use_indexes
from perisai_kit.domain import clock
from perisai_kit.domain.errors import BadRequest, Conflict, Unavailable
from perisai_kit.domain.ids import new_id
from perisai_kit.events.envelope import (
    BOOKMARK_TYPE,
    TYPE_PATTERN,
    CloudEvent,
    FeedEvent,
    write_batch,
)
from perisai_kit.events.positions import Page, read_page, survey_waiting
from perisai_kit.events.signals import Pace, Signals
from perisai_kit.http.protocol import GONE, ON_LOST, ON_STOPPING, STOPPING
from perisai_kit.runtime.ticks import until_tick

BATCH_TYPE = "application/cloudevents-batch+json"
FEED_PATH = "/feed"
MAX_LIMIT = 1000
MAX_TIMEOUT_MS = 30_000
TYPES_PATTERN = rf"^({TYPE_PATTERN}(,{TYPE_PATTERN})*)?$"

router = APIRouter(include_in_schema=False)
"""The route `GET /feed` of every service; it uses `state.feed` of the app."""


@router.get(FEED_PATH)
async def _feed(
    request: Request,
    _: Annotated[Principal, Depends(require(Role.SERVICE))],
    last_event_id: Annotated[str, Query(alias="lastEventId", max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    timeout_ms: Annotated[int, Query(alias="timeout", ge=0, le=MAX_TIMEOUT_MS)] = 0,
    types: Annotated[str, Query(alias="type", max_length=1000, pattern=TYPES_PATTERN)] = "",
) -> Response:
    """Return the events after a position, oldest first. Waits up to `timeout` for one.

    type: the wanted types, with commas between them; without it all. An answer that passes over
    other events at its end says so with one of the type `feed.read.v1`: the reader goes on from
    its position.
    """
    reader: FeedReader = request.app.state.feed
    extensions = request.scope.get("extensions", {})
    for name in (ON_LOST, ON_STOPPING):
        if register := extensions.get(name):
            register(reader.wake)
    events = await reader.read(
        parse_last_event_id(last_event_id),
        limit=limit,
        timeout_s=timeout_ms / 1000,
        types=parse_types(types),
        is_gone=lambda: GONE in extensions,
        is_stopping=lambda: STOPPING in extensions,
    )
    return Response(write_batch(events, source=reader.source), media_type=BATCH_TYPE)


UNNUMBERED_POLL_S = 0.05
"""How often a reader polls after its time-out while committed events have no position yet."""

BOOKMARK_AFTER_S = 1.0
"""How long a reader waits on when the feed goes on without an event of its types. So its position
and `caught_up_at` stay near those of the feed, with at most one empty answer a second."""

PASSED_OVER_POLL_S = 0.5
"""How often a reader looks again meanwhile. A busy feed would wake it twenty times a second."""

STALLED_AFTER_S = 1.0
"""How long committed events may wait for a position before the feed answers FeedStalled."""

COUNTED_UNNUMBERED = 1000
SURVEY_EVERY_S = 1.0
"""How often a busy feed counts waiting events; a long-lived snapshot makes that expensive."""

_POSITION = re.compile(r"[0-9]{1,18}")


class LastEventIdInvalid(BadRequest):
    code = "last_event_id_invalid"
    text = "lastEventId must be the position of an event: digits only."
    text_id = "lastEventId harus berupa posisi event: angka saja."


class LastEventIdUnknown(Conflict):
    """The position does not exist: the database was probably restored from an older copy."""

    code = "last_event_id_unknown"
    text = "The feed does not have this position. The reader may belong to another feed."
    text_id = "Posisi ini tidak ada dalam feed."


class FeedStalled(Unavailable):
    code = "feed_stalled"
    text = "The feed is waiting for its sequencer. Try again later."
    text_id = "Feed sedang menunggu penomoran event. Coba lagi nanti."


# A reader at `head` has read all events that occurred before the oldest one that waits for its
# position, or before now if none waits.
@dataclass(frozen=True, slots=True)
class _Survey:
    waiting: int
    head: int
    complete_at: datetime | None
    made: float
    offset: timedelta

    def is_recent(self) -> bool:
        """Whether it still holds; not after the test clock was moved."""
        age_s = time.monotonic() - self.made
        return age_s <= SURVEY_EVERY_S and self.offset == clock.offset()


class FeedReader:
    """Pages of this service's own events. source: the name of the service."""

    def __init__(self, database: Database, *, source: str, signals: Signals) -> None:
        self.source = source
        self._database = database
        self._signals = signals
        self._survey: _Survey | None = None
        self._pace = Pace(now=time.monotonic())

    def wake(self) -> None:
        """Let all that wait look again, because one of them must not wait any longer."""
        self._signals.numbered.send()

    async def read(
        self,
        after: int,
        *,
        limit: int,
        timeout_s: float,
        types: Sequence[str] = (),
        is_gone: Callable[[], bool] = lambda: False,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> list[FeedEvent]:
        """Return up to `limit` events after the position, waiting up to `timeout_s` for the first.

        The wait ends when the server stops or the test clock is moved, because the reader needs to
        know how far it has read by the new time. No connection is held while waiting. types: none
        means all. If others follow the last event, the answer ends with a bookmark. An empty
        answer means that the reader has all events committed before the request. `completeat` of an
        event means that with this event the reader has all events that occurred before that
        instant.
        Raises: FeedStalled, LastEventIdUnknown.
        """
        ends = time.monotonic() + timeout_s
        offset = clock.offset()
        signal = self._signals.numbered
        is_current, seen, page = False, signal.count, Page([], 0)
        while not is_gone():
            if not is_current:  # else `seen` stays, so that a signal sent meanwhile is not missed
                seen = signal.count
                page = await self._page(after, limit, types)
            now = time.monotonic()
            is_passed_over = not page.rows and page.head > after
            if is_passed_over:
                ends = min(ends, now + BOOKMARK_AFTER_S)
            ends = min(ends, now) if clock.offset() != offset or is_stopping() else ends
            left = ends - now
            if page.head > after:
                self._pace.record_work(now=now)
            if page.rows or (left <= 0 and (is_passed_over or await self._has_read_all(after))):
                return await self._answer(page, after, limit)
            if left <= -STALLED_AFTER_S:
                raise FeedStalled
            is_leading = self._signals.is_leading
            await self._wait(seen, left, is_passed_over=is_passed_over)
            # A sequencer of this process signals new events, when it starts or stops leading, and
            # when the test clock is moved. A notification of another process may be lost.
            is_current = is_leading and signal.count == seen and left > 0
        return []

    async def _wait(self, seen: int, left: float, *, is_passed_over: bool) -> None:
        if is_passed_over:
            await asyncio.sleep(min(PASSED_OVER_POLL_S, left))
            return
        signals, look_s = self._signals, left
        if left <= 0:
            look_s = UNNUMBERED_POLL_S
        elif not signals.is_leading:
            pace_s = self._pace.poll_s(now=time.monotonic())
            look_s = min(until_tick(signals.poll_s if signals.is_listening else pace_s), left)
        await signals.numbered.wait(seen, look_s)

    async def _page(self, after: int, limit: int, types: Sequence[str]) -> Page:
        async with self._database.read() as session:
            await use_indexes(session)
            page = await read_page(session, after=after, limit=limit, types=types)
        if after > page.head:
            raise LastEventIdUnknown(field="lastEventId")
        return page

    async def _answer(self, page: Page, after: int, limit: int) -> list[FeedEvent]:
        """Return the events, and up to where the feed was read if it goes on without others."""
        events = [
            FeedEvent(row.id, row.type, row.subject, row.occurred_at, row.data, row.position)
            for row in page.rows
        ]
        position = events[-1].position if events else after
        if len(events) < limit and position < page.head:
            position = page.head
            events.append(self._bookmark(position))
        if events:
            survey = self._survey
            if survey is None or not survey.is_recent():
                survey = await self._make_survey()
            if survey.complete_at is not None and position >= survey.head:
                events[-1] = replace(events[-1], completeat=survey.complete_at)
        return events

    async def _has_read_all(self, after: int) -> bool:
        survey = await self._make_survey()
        return survey.head <= after and not survey.waiting

    async def _make_survey(self) -> _Survey:
        made, asked_at, offset = time.monotonic(), clock.now(), clock.offset()
        async with self._database.read() as session:
            await use_indexes(session)
            found = await survey_waiting(session, limit=COUNTED_UNNUMBERED)
        complete_at = None if found.count == COUNTED_UNNUMBERED else found.oldest or asked_at
        self._survey = _Survey(found.count, found.head, complete_at, made, offset)
        return self._survey

    def _bookmark(self, position: int) -> FeedEvent:
        return FeedEvent(new_id(), BOOKMARK_TYPE, self.source, clock.now(), "{}", position)


def parse_last_event_id(text: str) -> int:
    """Return the position; "" is 0.

    Raises: LastEventIdInvalid.
    """
    if not text:
        return 0
    if not _POSITION.fullmatch(text):
        raise LastEventIdInvalid(field="lastEventId")
    return int(text)


def parse_types(text: str) -> list[str]:
    """Return the types of a list with commas, each once."""
    return sorted(set(filter(None, text.split(","))))


class LocalFeed:
    """Answers like `GET /feed`, but without HTTP: the `source` of a subscription."""

    def __init__(self, database: Database, *, source: str, signals: Signals) -> None:
        self._reader = FeedReader(database, source=source, signals=signals)

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> list[CloudEvent]:
        """Return the batch that a reader over HTTP would get."""
        events = await self._reader.read(
            parse_last_event_id(str(params["lastEventId"])),
            limit=int(params["limit"]),
            timeout_s=int(params["timeout"]) / 1000,
            types=parse_types(str(params.get("type", ""))),
        )
        return [each.open() for each in events]
