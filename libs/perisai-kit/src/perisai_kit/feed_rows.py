"""Publishing from a query: many events in one statement, none of which passes through here."""

from typing import Any

from sqlalchemy import DateTime, Select, Text, cast, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit import clock
from perisai_kit.db import PUBLISHED
from perisai_kit.events import Event
from perisai_kit.feed import EventRow


async def publish_rows(session: AsyncSession, event: type[Event], rows: Select[Any]) -> None:
    """Write an event for every row of a query, with the session's transaction.

    rows: a column for every field of the event, by the field's name. Their order is the query's.
    """
    facts = rows.subquery("facts")
    assert set(facts.c.keys()) == set(event.model_fields), "a column for every field"
    fields = [part for name, value in facts.c.items() for part in (literal(name, Text), value)]
    chosen = select(
        func.gen_random_uuid(),
        literal(event.type, Text),
        cast(facts.c[event.subject_field], Text),
        func.jsonb_build_object(*fields),
        literal(clock.now(), DateTime(timezone=True)),
    )
    columns = ["id", "type", "subject", "data", "occurred_at"]
    await session.execute(insert(EventRow).from_select(columns, chosen))
    session.info[PUBLISHED] = True
