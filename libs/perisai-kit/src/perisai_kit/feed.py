"""Facts for other services: an append-only table, read over HTTP in one order without gaps.

`publish` is one insert in the producer's own transaction. The row has no position yet, because
transactions do not commit in the order they began; the sequencer numbers what is committed. A
reader pages by position, so it can neither miss an event nor see one before an earlier one.
There is no NOTIFY: it takes a lock of the whole server at every commit.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import ARRAY, BigInteger, DateTime, Identity, Index, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit import clock
from perisai_kit.auth import Principal, Role, require
from perisai_kit.db import PUBLISHED, Database, KitBase
from perisai_kit.errors import BadRequest, Conflict, Unavailable
from perisai_kit.events import Event
from perisai_kit.ids import new_id

BATCH_TYPE = "application/cloudevents-batch+json"
FEED_PATH = "/feed"
MAX_LIMIT = 1000
MAX_TIMEOUT_MS = 30_000

POLL_S = 0.05
"""How soon a reader notices what was numbered in another process."""
POLL_LED_S = 1.0
"""The same where this process numbers, and rings: the poll only notices a gone client."""
STALLED_AFTER_S = 1.0
"""How long committed events may wait for a number before the feed says that it is stuck."""
COUNTED_UNNUMBERED = 1000

_POSITION = re.compile(r"[0-9]{1,18}")


class EventRow(KitBase):
    """Insert only, but for `position`, which the sequencer sets once."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_unnumbered", "seq", postgresql_where=text("position IS NULL")),
        Index(
            "uq_events_position",
            "position",
            unique=True,
            postgresql_where=text("position IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    position: Mapped[int | None] = mapped_column(BigInteger)


class LastEventIdInvalid(BadRequest):
    code = "last_event_id_invalid"
    text = "lastEventId is the position of an event, in digits."
    text_id = "lastEventId adalah posisi suatu peristiwa, berupa angka."


class LastEventIdUnknown(Conflict):
    """The reader has seen more than there is: this database was restored from an older copy."""

    code = "last_event_id_unknown"
    text = "The feed has not come that far; this reader knows another feed."
    text_id = "Posisi itu belum ada dalam umpan ini."


class FeedStalled(Unavailable):
    code = "feed_stalled"
    text = "Committed events wait for their position; the sequencer does not run."
    text_id = "Peristiwa menunggu nomor urut; penomor tidak berjalan."


class Bell:
    """Wakes every task of this process that waits for it."""

    def __init__(self) -> None:
        self.rung = 0
        self._event = asyncio.Event()

    def ring(self) -> None:
        self.rung += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Return once it has rung more than `seen` times, or after the time.

        Read `rung` before you look for work, so that a ring in between is not missed.
        """
        event = self._event
        if self.rung == seen:
            try:
                await asyncio.wait_for(event.wait(), timeout_s)
            except TimeoutError:
                return


class Wakeup:
    """The two bells of one process: a commit has published; events have got positions."""

    def __init__(self) -> None:
        self.published = Bell()
        self.numbered = Bell()
        self.led_here = False

    def wake(self) -> None:
        """Say that a transaction with events was committed; `Database.after_publish`."""
        self.published.ring()


_PUBLISH = text(
    """
    INSERT INTO events (id, type, subject, data, occurred_at)
    SELECT id, type, subject, data::jsonb, :occurred_at
    FROM unnest(:ids, :types, :subjects, :data) WITH ORDINALITY
         AS new (id, type, subject, data, place)
    ORDER BY place
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("types", type_=ARRAY(Text())),
    bindparam("subjects", type_=ARRAY(Text())),
    bindparam("data", type_=ARRAY(Text())),
    bindparam("occurred_at", type_=DateTime(timezone=True)),
)


async def publish(session: AsyncSession, *events: Event) -> None:
    """Write the events, in this order, with the session's transaction: both or neither.

    One statement however many they are.
    """
    if not events:
        return
    await session.execute(
        _PUBLISH,
        {
            "ids": [new_id() for _ in events],
            "types": [event.type for event in events],
            "subjects": [event.subject for event in events],
            "data": [event.model_dump_json() for event in events],
            "occurred_at": clock.now(),
        },
    )
    session.info[PUBLISHED] = True


# One statement, so one view of the table: `complete_at` is before every event that was published
# and committed but is not among the rows, unless the page is full.
_PAGE = text(
    """
    WITH waiting AS (
        SELECT occurred_at FROM events WHERE position IS NULL ORDER BY seq LIMIT :counted
    ), page AS (
        SELECT id, type, subject, data, occurred_at, position
        FROM events WHERE position > :after ORDER BY position LIMIT :limit
    )
    SELECT rest.count AS waiting, rest.oldest, page.*,
           (SELECT max(position) FROM events WHERE position IS NOT NULL) AS head
    FROM (SELECT count(*) AS count, min(occurred_at) AS oldest FROM waiting) AS rest
    LEFT JOIN page ON true
    ORDER BY page.position
    """
)


class FeedReader:
    """Pages of this service's own events as CloudEvents."""

    def __init__(self, database: Database, *, source: str, wakeup: Wakeup) -> None:
        self._database = database
        self._source = source
        self._wakeup = wakeup

    async def read(
        self,
        after: int,
        *,
        limit: int,
        timeout_s: float,
        is_gone: Callable[[], Awaitable[bool]] | None = None,
    ) -> list[dict[str, Any]]:
        """Return up to `limit` events after the position, waiting up to `timeout_s` for the first.

        No connection is held while waiting. An empty answer says that every event committed
        before the question has been read.
        Raises: FeedStalled, LastEventIdUnknown.
        """
        ends = time.monotonic() + timeout_s
        bell = self._wakeup.numbered
        while True:
            seen = bell.rung
            page, waiting = await self._page(after, limit)
            if page:
                return page
            left = ends - time.monotonic()
            if left <= 0 and not waiting:
                return []
            if left <= -STALLED_AFTER_S:
                raise FeedStalled
            floor = POLL_LED_S if self._wakeup.led_here and not waiting else POLL_S
            await bell.wait(seen, min(floor, left) if left > 0 else POLL_S)
            if is_gone is not None and await is_gone():
                return []

    async def _page(self, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
        asked_at = clock.now()
        async with self._database.read() as session:
            found = await session.execute(
                _PAGE, {"after": after, "limit": limit, "counted": COUNTED_UNNUMBERED}
            )
            rows = found.all()
        first = rows[0]
        if after > (first.head or 0):
            raise LastEventIdUnknown(field="lastEventId")
        page = [self._cloud_event(row) for row in rows if row.position is not None]
        if len(page) < limit and page and first.waiting < COUNTED_UNNUMBERED:
            page[-1]["completeat"] = (first.oldest or asked_at).isoformat()
        return page, bool(first.waiting)

    def _cloud_event(self, row: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": str(row.id),
            "source": self._source,
            "type": row.type,
            "subject": row.subject,
            "time": row.occurred_at.isoformat(),
            "datacontenttype": "application/json",
            "data": row.data,
            "position": str(row.position),
        }


def parse_last_event_id(text: str) -> int:
    """Return the position; nothing yet is "".

    Raises: LastEventIdInvalid.
    """
    if not text:
        return 0
    if not _POSITION.fullmatch(text):
        raise LastEventIdInvalid(field="lastEventId")
    return int(text)


def feed_router(database: Database, *, source: str, wakeup: Wakeup) -> APIRouter:
    """Return the route `GET /feed`.

    source: the service's name, which becomes the `source` of its CloudEvents.
    """
    router = APIRouter(include_in_schema=False)
    reader = FeedReader(database, source=source, wakeup=wakeup)

    @router.get(FEED_PATH)
    async def feed(
        request: Request,
        _: Annotated[Principal, Depends(require(Role.SERVICE))],
        last_event_id: Annotated[str, Query(alias="lastEventId", max_length=40)] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
        timeout_ms: Annotated[int, Query(alias="timeout", ge=0, le=MAX_TIMEOUT_MS)] = 0,
    ) -> Response:
        """Return the events after a position, oldest first; waits up to `timeout` for one."""
        events = await reader.read(
            parse_last_event_id(last_event_id),
            limit=limit,
            timeout_s=timeout_ms / 1000,
            is_gone=request.is_disconnected,
        )
        return Response(json.dumps(events), media_type=BATCH_TYPE)

    return router
