"""The positions of events in the feed, kept beside the events, whose rows never change.

Transactions do not commit in the order in which they began, so `seq` is no order for readers. The
sequencer gives each committed event the next position. The last row of each batch stores how far
it looked: every event with a `seq` up to `highest` has a position, its `seq` is in `gaps`, or its
transaction was rolled back. So a batch looks only at new events and in the gaps, and no index
fills with dead entries. All is stored in the statement that numbers, which makes it hold after a
crash and in a restored copy.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Row, Text, TextClause, text
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.columns import KitBase

BATCH = 1000
NO_GAPS = "{}"


class EventPosition(KitBase):
    """The position of one event. `highest` and `gaps` are set in the last row of a batch."""

    __tablename__ = "event_positions"
    __table_args__ = (Index("ix_event_positions_type_position", "type", "position"),)

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[uuid.UUID]
    type: Mapped[str] = mapped_column(Text)
    highest: Mapped[int | None] = mapped_column(BigInteger)
    gaps: Mapped[Any | None] = mapped_column(INT8MULTIRANGE)


_WAITING = """
    WITH head AS (
        SELECT coalesce(max(position), 0) AS position, coalesce(max(highest), 0) AS highest,
               coalesce(range_agg(gaps), '{}') AS gaps
        FROM (
            SELECT position, highest, gaps FROM event_positions ORDER BY position DESC LIMIT 1
        ) AS last
    ), waiting AS (
        SELECT * FROM (
            SELECT late.* FROM unnest((SELECT gaps FROM head)) AS gap CROSS JOIN LATERAL (
                SELECT id, seq, type, occurred_at FROM events
                WHERE seq >= lower(gap) AND seq < upper(gap)
                ORDER BY seq LIMIT :limit
            ) AS late
            UNION ALL (
                SELECT id, seq, type, occurred_at FROM events
                WHERE seq > (SELECT highest FROM head)
                ORDER BY seq LIMIT :limit
            )
        ) AS found
        ORDER BY seq LIMIT :limit
    )
"""


def _of_waiting(rest: str) -> TextClause:
    return text(_WAITING + rest)


_NUMBER = _of_waiting(
    """
    , fresh AS (
        SELECT id, seq, type, row_number() OVER (ORDER BY seq) AS place FROM waiting
    ), batch AS (
        SELECT count(*) AS count, max(seq) AS highest,
               coalesce(range_agg(int8range(seq, seq, '[]')), '{}') AS seqs
        FROM fresh
    ), looked AS (
        SELECT batch.count, greatest(head.highest, batch.highest) AS highest,
               head.gaps
               + int8multirange(int8range(
                     head.highest, greatest(head.highest, batch.highest), '(]'))
               - batch.seqs
               - CASE WHEN batch.count < :limit THEN CAST(CAST(:ended AS text) AS int8multirange)
                      ELSE '{}' END AS gaps
        FROM head, batch
    ), numbered AS (
        INSERT INTO event_positions (position, event_id, type, highest, gaps)
        SELECT head.position + place, id, type,
               CASE WHEN place = looked.count THEN looked.highest END,
               CASE WHEN place = looked.count THEN looked.gaps END
        FROM head, looked, fresh ORDER BY place
    )
    SELECT count, CAST(gaps AS text) AS gaps FROM looked
    """
)

_SURVEY = _of_waiting(
    """
    SELECT count(*) AS waiting, min(occurred_at) AS oldest, (SELECT position FROM head) AS head
    FROM waiting
    """
)

_MOST_WAITING = 1_000_000
"""Of the events that wait, `has_unread` looks at all: there are few of them."""
_IS_UNREAD = _of_waiting(
    """
    SELECT EXISTS (
        SELECT FROM event_positions AS place JOIN events ON events.id = place.event_id
        WHERE place.type = :type AND place.position > :after AND events.occurred_at < :before
    ) OR EXISTS (SELECT FROM waiting WHERE type = :type AND occurred_at < :before)
    """
)

_PAGE = """
    SELECT page.*, last.head
    FROM (SELECT coalesce(max(position), 0) AS head FROM event_positions) AS last
    LEFT JOIN (
        SELECT event.*, place.position
        FROM (PLACES) AS place CROSS JOIN LATERAL (
            SELECT id, type, subject, data::text AS data, occurred_at FROM events
            WHERE id = place.event_id LIMIT 1
        ) AS event
    ) AS page ON true
    ORDER BY page.position
"""
_PAGE_OF_ALL = text(
    _PAGE.replace(
        "PLACES",
        """
        SELECT position, event_id FROM event_positions
        WHERE position > :after ORDER BY position LIMIT :limit
        """,
    )
)
# The next events of each type, and of these the next ones: no event of another type is read.
_PAGE_OF_TYPES = text(
    _PAGE.replace(
        "PLACES",
        """
        SELECT next.* FROM unnest(CAST(:types AS text[])) AS wanted CROSS JOIN LATERAL (
            SELECT position, event_id FROM event_positions
            WHERE type = wanted AND position > :after ORDER BY position LIMIT :limit
        ) AS next
        ORDER BY next.position LIMIT :limit
        """,
    )
)


@dataclass(frozen=True, slots=True)
class Page:
    """Events with their positions. head: the last position of the feed, as the page saw it.

    `data` is JSON as text, because most readers pass it on.
    """

    rows: Sequence[Row[Any]]
    head: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """What was numbered, and the gaps that stay, as the text of a multirange."""

    count: int
    gaps: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The committed events without a position, up to a limit. oldest: `occurred_at`."""

    count: int
    oldest: datetime | None
    head: int


async def number_events(
    connection: AsyncConnection, *, ended: str = NO_GAPS, batch: int = BATCH
) -> Numbered:
    """Give positions to up to `batch` committed events that have none.

    The caller holds the sequencer's lock on this connection. ended: gaps whose transactions ended
    before this call; what is still missing there was rolled back.
    """
    numbered = await connection.execute(_NUMBER, {"limit": batch, "ended": ended})
    count, gaps = numbered.one()
    return Numbered(count, gaps)


async def survey_waiting(session: AsyncSession, *, limit: int) -> Waiting:
    """Return what waits for a position, and the last position, as one statement sees them."""
    row = (await session.execute(_SURVEY, {"limit": limit})).one()
    return Waiting(row.waiting, row.oldest, row.head)


async def has_unread(session: AsyncSession, type_: str, *, after: int, before: datetime) -> bool:
    """Tell whether an event of this type that occurred before then is past a position."""
    asked = {"type": type_, "after": after, "before": before, "limit": _MOST_WAITING}
    return bool(await session.scalar(_IS_UNREAD, asked))


async def read_page(
    session: AsyncSession, *, after: int, limit: int, types: Sequence[str] = ()
) -> Page:
    """Return up to `limit` events after a position, of these types only unless there are none."""
    statement = _PAGE_OF_TYPES if types else _PAGE_OF_ALL
    asked = {"after": after, "limit": limit, **({"types": list(types)} if types else {})}
    rows = (await session.execute(statement, asked)).all()
    return Page([row for row in rows if row.position is not None], rows[0].head)
