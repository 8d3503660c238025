"""Feeds in tests: the published events, and delivery without a worker.

Except `run_sequencer`, these functions require that no sequencer runs. They also work inside the
one transaction of a test.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import EVENTS
from perisai_kit.events.envelope import Event
from perisai_kit.events.outbox import EventRow
from perisai_kit.events.positions import number_events
from perisai_kit.events.sequencer import Sequencer
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription


async def list_published(session: AsyncSession) -> list[Event]:
    """Return all events of this database in the order of publication."""
    rows = await session.scalars(select(EventRow).order_by(EventRow.seq))
    return [EVENTS[row.type].model_validate(row.data) for row in rows]


async def number_now(database: Database) -> int:
    """Number all committed events; return how many."""
    total = 0
    while True:
        async with database.begin() as session:
            numbered = await number_events(await session.connection())
        total += numbered.count
        if not numbered.count:
            return total


async def deliver(subscription: Subscription, *, to: Database, source: Database) -> int:
    """Number the source's events and let the subscription apply all of them; return how many.

    Make the subscription with `poll_s=0`.
    """
    await number_now(source)
    total = 0
    while count := await subscription.step(to):
        total += count
    return total


@asynccontextmanager
async def run_sequencer(database: Database, signals: Signals | None = None) -> AsyncIterator[None]:
    """Run a sequencer during the block, as a worker does."""
    signals = signals or Signals()
    database.after_publish = signals.published.send
    task = asyncio.create_task(Sequencer(database, signals=signals).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
