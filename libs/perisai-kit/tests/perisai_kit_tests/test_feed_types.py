"""A reader asks for the types that it handles, and still knows how far the feed was read."""

import asyncio
from collections.abc import Sequence

from perisai_kit_tests.branches import opened, reader_of
from perisai_kit_tests.subscriptions.effects import publish_now
from sqlalchemy import text

from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import BranchOpened, MemberUpdated
from perisai_kit.events.envelope import BOOKMARK_TYPE
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.positions import read_page
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.testing.feeds import deliver, number_now, run_sequencer

RARE = (BranchOpened.type,)
OTHERS = 20_000


def other() -> MemberUpdated:
    return MemberUpdated(member_id=new_id(), changed=("phone",))


async def read(
    database: Database,
    after: int = 0,
    *,
    types: Sequence[str] = RARE,
    limit: int = 100,
    timeout_s: float = 0,
    signals: Signals | None = None,
) -> list[tuple[int, str]]:
    reader = reader_of(database, signals)
    events = await reader.read(after, limit=limit, timeout_s=timeout_s, types=types)
    return [(event.position, event.type) for event in events]


async def test_events_of_other_types_are_passed_over_and_a_bookmark_says_how_far(
    kit_database: Database,
) -> None:
    await publish_now(kit_database, other(), opened("B1"), other(), opened("B2"), other())
    await number_now(kit_database)

    assert await read(kit_database) == [(2, *RARE), (4, *RARE), (5, BOOKMARK_TYPE)]
    assert await read(kit_database, limit=1) == [(2, *RARE)]
    assert await read(kit_database, 4) == [(5, BOOKMARK_TYPE)]
    assert await read(kit_database, 5) == []
    every = await read(kit_database, types=(*RARE, MemberUpdated.type))
    assert [position for position, _ in every] == [1, 2, 3, 4, 5]
    assert await read(kit_database, types=()) == every


async def test_a_bookmark_says_up_to_when_the_feed_was_read(kit_database: Database) -> None:
    await publish_now(kit_database, other())
    await number_now(kit_database)

    (bookmark,) = await reader_of(kit_database).read(0, limit=1, timeout_s=0, types=RARE)
    await publish_now(kit_database, other())
    (behind,) = await reader_of(kit_database).read(0, limit=1, timeout_s=0, types=RARE)

    async with kit_database.read() as session:
        waits_since = await session.scalar(text("SELECT max(occurred_at) FROM events"))
    assert bookmark.completeat is not None
    assert bookmark.completeat < waits_since == behind.completeat


async def test_an_event_that_commits_late_comes_after_the_bookmark(kit_database: Database) -> None:
    async with kit_database.begin() as slow:
        await publish(slow, opened("slow"))
        await publish_now(kit_database, other(), other())
        await number_now(kit_database)
        seen = await read(kit_database)

    await number_now(kit_database)

    assert seen == [(2, BOOKMARK_TYPE)]
    assert await read(kit_database, 2) == [(3, *RARE)]


async def test_a_waiting_reader_follows_a_feed_without_events_of_its_types(
    kit_database: Database,
) -> None:
    signals = Signals()
    async with run_sequencer(kit_database, signals), asyncio.timeout(60):
        waiting = asyncio.create_task(read(kit_database, timeout_s=600, signals=signals))
        await publish_now(kit_database, other())
        passed_over = await waiting
        waiting = asyncio.create_task(read(kit_database, 1, timeout_s=600, signals=signals))
        await publish_now(kit_database, opened("B1"))
        found = await waiting

    assert passed_over == [(1, BOOKMARK_TYPE)]
    assert found == [(2, *RARE)]


FILL = """
    INSERT INTO events (id, type, subject, data, occurred_at)
    SELECT uuidv7(), 'other.happened.v1', number::text, '{}', now()
    FROM generate_series(1, :count) AS number
"""
TOUCHED = """
    SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))
    FROM pg_stat_xact_user_tables WHERE relname IN ('events', 'event_positions')
"""


async def test_a_reader_of_rare_types_reads_no_row_of_the_others(kit_database: Database) -> None:
    await publish_now(kit_database, opened("B1"))
    async with kit_database.begin() as session:
        await session.execute(text(FILL), {"count": OTHERS})
    await publish_now(kit_database, opened("B2"))
    await number_now(kit_database)

    async with kit_database.read() as session:
        before = await session.scalar(text(TOUCHED))
        page = await read_page(session, after=0, limit=500, types=RARE)
        touched = await session.scalar(text(TOUCHED)) - before

    assert [row.position for row in page.rows] == [1, OTHERS + 2]
    assert page.head == OTHERS + 2
    assert 0 < touched < 20


async def test_the_cursor_of_a_subscription_passes_over_events_of_other_types(
    kit_database: Database,
) -> None:
    codes = list[str]()

    async def note(_: object, event: BranchOpened) -> None:
        codes.append(event.branch_code)

    subscription = Subscription(
        name="rare",
        source=LocalFeed(kit_database, source="test-service", signals=Signals()),
        handlers={BranchOpened: note},
        poll_s=0,
    )
    await publish_now(kit_database, other(), opened("B1"), other())

    applied = await deliver(subscription, to=kit_database, source=kit_database)
    await publish_now(kit_database, other())
    passed_over = await deliver(subscription, to=kit_database, source=kit_database)

    status = await subscription.status(kit_database)
    assert (applied, passed_over, codes) == (1, 0, ["B1"])
    assert (status["position"], status["parked"]) == (4, 0)
    assert status["caught_up_at"] is not None
