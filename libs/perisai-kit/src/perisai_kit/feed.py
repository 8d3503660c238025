"""Facts for other services: an append-only table, read over HTTP in one order without gaps.

`publish` is one insert in the producer's own transaction. The row has no position yet, because
transactions do not commit in the order they began; the sequencer numbers what is committed. A
reader pages by position, so it can neither miss an event nor see one before an earlier one.
There is no NOTIFY: it takes a lock of the whole server at every commit.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import (
    BigInteger,
    DateTime,
    Identity,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit import clock
from perisai_kit.auth import Principal, Role, require
from perisai_kit.db import PUBLISHED, Database, KitBase
from perisai_kit.events import Event
from perisai_kit.feed_reader import FeedReader, parse_last_event_id
from perisai_kit.ids import new_id
from perisai_kit.statements import Write, execute
from perisai_kit.wakeup import Wakeup as Wakeup

BATCH_TYPE = "application/cloudevents-batch+json"
FEED_PATH = "/feed"
MAX_LIMIT = 1000
MAX_TIMEOUT_MS = 30_000


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


_PUBLISH = """
    INSERT INTO events (id, type, subject, data, occurred_at)
    SELECT id, type, subject, data::jsonb, $5
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
         AS new (id, type, subject, data, place)
    ORDER BY place
    RETURNING id
"""


def publication(events: Sequence[Event]) -> Write:
    """Return what publishes events, in this order, to be written together with other things."""
    return Write(
        _PUBLISH,
        (
            [new_id() for _ in events],
            [event.type for event in events],
            [event.subject for event in events],
            [event.model_dump_json() for event in events],
            clock.now(),
        ),
        count=len(events),
    )


async def publish(session: AsyncSession, *events: Event) -> None:
    """Write the events, in this order, with the session's transaction: both or neither.

    One statement however many they are.
    """
    if not events:
        return
    await execute(session, publication(events))
    session.info[PUBLISHED] = True


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
