"""How long a reader pauses after a page."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from perisai_kit_tests.subscriptions.effects import (
    ANNA,
    changed,
    on_updated,
    publish_now,
    subscribe,
)
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.signals import BUSY_BATCH, BUSY_FOR_S, Signals
from perisai_kit.events.turns import (
    BUSY_FROM,
    DEFERRABLE,
    MOST_REST_S,
    REST_S,
    STALLED_S,
    URGENT,
    USUAL,
    Urgency,
)
from perisai_kit.testing.feeds import number_now

FULL = 1000
A_WHILE_S = 0.3
ALL = [URGENT, USUAL, DEFERRABLE]


@pytest.mark.parametrize("urgency", ALL)
def test_after_a_few_events_the_next_ones_are_soon_read(urgency: Urgency) -> None:
    assert urgency.compute_rest_s(0, FULL, 60) == 0
    assert urgency.compute_rest_s(1, FULL, 60) == REST_S
    assert urgency.compute_rest_s(BUSY_FROM - 1, FULL, 60) == REST_S


def test_after_a_busy_page_the_pause_is_by_the_urgency() -> None:
    pauses = [each.compute_rest_s(BUSY_FROM, FULL, 0) for each in ALL]

    assert pauses == sorted(pauses) == [each.rest_s for each in ALL]


@pytest.mark.parametrize("urgency", [URGENT, USUAL])
def test_a_full_page_is_followed_at_once_where_somebody_waits(urgency: Urgency) -> None:
    busy = Signals()
    busy.record_numbered(FULL, now=time.monotonic())

    pauses = [urgency.compute_rest_s(FULL, FULL, 60, each) for each in (None, Signals(), busy)]

    assert pauses == [0, 0, 0]


@pytest.mark.parametrize("limit", [1, BUSY_FROM, FULL])
def test_what_may_be_late_leaves_most_of_the_time_to_others(limit: int) -> None:
    worked_s = 1.5

    rest_s = DEFERRABLE.compute_rest_s(limit, limit, worked_s)

    assert rest_s == DEFERRABLE.rest_ratio * worked_s > worked_s


def test_what_may_be_late_leaves_more_to_others_while_its_service_is_busy() -> None:
    signals = Signals()
    worked_s = 0.25
    quiet_s = DEFERRABLE.compute_rest_s(FULL, FULL, worked_s, signals)
    signals.record_numbered(BUSY_BATCH, now=time.monotonic())

    busy_s = DEFERRABLE.compute_rest_s(FULL, FULL, worked_s, signals)

    assert (quiet_s, busy_s) == (
        DEFERRABLE.rest_ratio * worked_s,
        DEFERRABLE.busy_ratio * worked_s,
    )
    assert busy_s > quiet_s == DEFERRABLE.compute_rest_s(FULL, FULL, worked_s)


def test_a_service_is_busy_for_a_while_after_many_events_were_numbered_at_once() -> None:
    signals = Signals()
    signals.record_numbered(BUSY_BATCH - 1, now=10)
    before = signals.is_busy(now=10)

    signals.record_numbered(BUSY_BATCH, now=11)
    signals.record_numbered(1, now=11.5)

    during, afterwards = (signals.is_busy(now=11 + each * BUSY_FOR_S) for each in (0.9, 1))
    assert (before, during, afterwards) == (False, True, False)
    assert signals.numbered.count == 3


def test_a_pause_has_a_bound_so_that_a_cursor_does_not_seem_to_stand_still() -> None:
    longest_s = max(each.compute_rest_s(FULL, FULL, 3600) for each in ALL)

    assert longest_s == MOST_REST_S < STALLED_S / 2


@pytest.mark.parametrize(
    ("urgency", "read"),
    [(Urgency(0, rest_ratio=1e9), ["a", "b"]), (Urgency(60), ["a", "b", "c", "d"])],
    ids=["after its work", "after a page that was not full"],
)
async def test_a_reader_pauses_as_its_urgency_says(
    kit_database: Database, effects: Callable[[], Any], urgency: Urgency, read: list[str]
) -> None:
    applied = asyncio.Event()

    async def on_read(session: AsyncSession, event: MemberUpdated) -> None:
        await on_updated(session, event)
        if event.changed == (read[-1],):
            applied.set()

    await publish_now(kit_database, *(changed(ANNA, what) for what in "abcd"))
    await number_now(kit_database)
    reader = subscribe(kit_database, on_read, limit=2, urgency=urgency)

    reading = asyncio.create_task(reader.run(kit_database))
    async with asyncio.timeout(30):
        await applied.wait()
    await asyncio.sleep(A_WHILE_S)
    reading.cancel()
    await asyncio.wait([reading])

    assert await effects() == read
