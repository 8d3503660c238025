"""One process reads a feed: where the sequencer leads, or where nobody has moved the cursor."""

import asyncio
from collections.abc import Callable
from typing import Any

from perisai_kit_tests.subscriptions.effects import ANNA, changed, publish_now, subscribe

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events import cursors
from perisai_kit.events.signals import Signals
from perisai_kit.events.turns import Turns
from perisai_kit.testing.feeds import number_now

LONG_S = 3600.0


async def is_waiting(waiting: asyncio.Task[None]) -> bool:
    """Return whether it still waits after it has looked some times."""
    await asyncio.wait([waiting], timeout=0.3)
    return not waiting.done()


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_where_the_sequencer_leads_it_is_the_turn_at_once(kit_database: Database) -> None:
    signals = Signals()
    signals.change_role(is_leading=True)

    async with asyncio.timeout(30):
        await Turns("copy", signals, check_s=LONG_S).wait(kit_database)

    assert signals.is_leading


async def test_a_process_that_begins_to_lead_reads_at_once(kit_database: Database) -> None:
    signals = Signals()
    waiting = asyncio.create_task(Turns("copy", signals, check_s=LONG_S).wait(kit_database))

    waited = await is_waiting(waiting)
    signals.change_role(is_leading=True)
    async with asyncio.timeout(30):
        await waiting

    assert waited


class Clock:
    """A clock that a test moves; `looks` counts how often it was read."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.seconds

    async def wait_for_looks(self) -> None:
        """Return when its reader has gone round at least once more."""
        seen = self.looks
        async with asyncio.timeout(30):
            while self.looks < seen + 4:  # noqa: ASYNC110 - a plain number
                await asyncio.sleep(0.01)


async def test_nobody_reads_beside_a_cursor_that_moves(kit_database: Database) -> None:
    now = Clock()
    async with kit_database.begin() as session:
        await cursors.insert_once_cursor(session, "copy")
    turns = Turns("copy", Signals(), stalled_s=45, check_s=0.01, now=now)
    waiting = asyncio.create_task(turns.wait(kit_database))

    await now.wait_for_looks()
    for position in range(1, 6):
        async with kit_database.begin() as session:
            at = clock.now()
            await cursors.store_position(session, "copy", position=position, caught_up_at=at)
        await now.wait_for_looks()
        now.seconds += 40
        await now.wait_for_looks()
    waited = not waiting.done()
    now.seconds += 10

    assert waited
    async with asyncio.timeout(30):
        await waiting  # it has stood still for 50 s


async def test_the_others_read_when_the_one_that_leads_reads_nothing(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    subscription = subscribe(kit_database)

    async with asyncio.timeout(30):
        await Turns(subscription.name, Signals(), stalled_s=0.1, check_s=0.02).wait(kit_database)
        await subscription.step(kit_database)

    assert await effects() == ["a"]


async def test_a_reader_that_does_not_lead_waits(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    signals = Signals()
    reading = asyncio.create_task(subscribe(kit_database).run(kit_database, signals=signals))

    waited = await is_waiting(reading)
    before = await effects()
    signals.change_role(is_leading=True)
    async with asyncio.timeout(30):
        while not await effects():  # noqa: ASYNC110 - the effect is a row
            await asyncio.sleep(0.02)
    await stop(reading)

    assert waited
    assert before == []
