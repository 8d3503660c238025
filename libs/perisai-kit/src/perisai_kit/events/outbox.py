"""The outbox of events for other services: an append-only table, read in one order without gaps.

`publish` is one insert in the producer's transaction. The row has no position, because
transactions do not commit in the order in which they began. The sequencer numbers committed rows
in a table beside them (positions.py). Readers page by position, so they neither miss an event nor
see one before an earlier one. The transaction sends no NOTIFY, which takes a lock of the whole
server at commit; after the commit the process sends one for many transactions (signals.py).
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Identity,
    Select,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.columns import KitBase
from perisai_kit.db.engine import PUBLISHED
from perisai_kit.db.sql import CountedStatement, execute
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.envelope import Event


class EventRow(KitBase):
    """An event. Insert only. Its position in the feed is beside it: positions.py."""

    __tablename__ = "events"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), index=True)
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


_PUBLISH = """
    INSERT INTO events (id, type, subject, data, occurred_at)
    SELECT id, type, subject, data::jsonb, $5
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
         AS new (id, type, subject, data, place)
    ORDER BY place
    RETURNING id
"""


def publish_statement(events: Sequence[Event]) -> CountedStatement:
    """Return the statement that publishes events in this order."""
    return CountedStatement(
        _PUBLISH,
        (
            [new_id() for _ in events],
            [event.type for event in events],
            [event.subject for event in events],
            [event.model_dump_json() for event in events],
            clock.now(),
        ),
        count=len(events),
        publishes=True,
    )


async def publish(session: AsyncSession, *events: Event) -> None:
    """Write the events in this order, with one statement in the session's transaction."""
    if not events:
        return
    await execute(session, publish_statement(events))


async def publish_rows(session: AsyncSession, event: type[Event], rows: Select[Any]) -> None:
    """Write an event for every row of a query, in its order and in the session's transaction.

    rows: has a column with the name of every field of the event.
    """
    facts = rows.subquery("facts")
    assert set(facts.c.keys()) == set(event.model_fields), "a column for every field"
    fields = [part for name, value in facts.c.items() for part in (literal(name, Text), value)]
    chosen = select(
        func.uuidv7(),
        literal(event.type, Text),
        cast(facts.c[event.subject_field], Text),
        func.jsonb_build_object(*fields),
        literal(clock.now(), DateTime(timezone=True)),
    )
    columns = ["id", "type", "subject", "data", "occurred_at"]
    await session.execute(insert(EventRow).from_select(columns, chosen))
    session.info[PUBLISHED] = True
