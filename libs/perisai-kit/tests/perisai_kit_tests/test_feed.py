"""A feed neither loses nor reorders, whatever transactions, servers and backups do."""

import asyncio
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from perisai_kit_tests.branches import opened, publish_now, read, reader_of
from sqlalchemy import AsyncAdaptedQueuePool, event, select, text
from sqlalchemy.exc import ProgrammingError

from perisai_kit.db.engine import Database
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.envelope import FeedEvent
from perisai_kit.events.feed import FeedStalled, LastEventIdUnknown
from perisai_kit.events.outbox import EventRow, publish, publish_statement
from perisai_kit.events.sequencer import Sequencer
from perisai_kit.events.signals import Signals
from perisai_kit.testing.feeds import number_now, run_sequencer
from perisai_kit.testing.plugin import Databases, Urls
from sandbox import binaries


async def test_events_are_published_with_their_transaction_or_not_at_all(
    kit_database: Database,
) -> None:
    async with kit_database.begin() as session:
        await publish(session, opened("lost"))
        await session.rollback()
    await publish_now(kit_database, "kept")

    await number_now(kit_database)

    assert await read(kit_database) == [(1, "kept")]


async def test_many_events_in_one_call_keep_their_order(kit_database: Database) -> None:
    codes = [f"B{index}" for index in range(2500)]

    await publish_now(kit_database, *codes)
    await number_now(kit_database)

    assert await read(kit_database, limit=1000) == list(enumerate(codes[:1000], start=1))
    assert await read(kit_database, 2400, limit=1000) == list(enumerate(codes[2400:], start=2401))


async def test_a_commit_that_published_sends_a_signal_and_another_does_not(
    kit_database: Database,
) -> None:
    signals: list[str] = []
    kit_database.after_publish = lambda: signals.append("sent")

    async with kit_database.begin() as session:
        await publish(session)
        await session.execute(text("SELECT 1"))
    assert signals == []
    await publish_now(kit_database, "B1")

    assert signals == ["sent"]


@pytest.mark.parametrize("together", [False, True])
async def test_events_that_a_statement_publishes_are_signalled_too(
    kit_database: Database, *, together: bool
) -> None:
    signals: list[str] = []
    kit_database.after_publish = lambda: signals.append("sent")
    statement = publish_statement([opened("B1")])

    async with kit_database.begin() as session:
        run = make_executor(session)
        await (execute_together(run, [statement]) if together else run(statement))
        assert signals == []

    assert signals == ["sent"]


async def test_a_transaction_that_began_first_and_commits_last_loses_nothing(
    kit_database: Database,
) -> None:
    async with kit_database.begin() as slow:
        await publish(slow, opened("slow"))
        await publish_now(kit_database, "quick")
        await number_now(kit_database)
        seen = await read(kit_database)

    await number_now(kit_database)

    assert seen == [(1, "quick")]
    assert await read(kit_database, 1) == [(2, "slow")]


async def test_a_reader_finds_events_and_what_waits_by_indexes(kit_database: Database) -> None:
    await publish_now(kit_database, "waits")
    await number_now(kit_database)
    asked = list[str]()

    @event.listens_for(kit_database.engine.sync_engine, "before_cursor_execute")
    def note(_: object, __: object, sql: str, *___: object) -> None:
        asked.append(" ".join(sql.split()))

    await read(kit_database)
    await read(kit_database, 1)

    looks = [(before, sql) for before, sql in pairwise(asked) if "event_positions" in sql]
    assert len(looks) == 4
    assert {before for before, _ in looks} == {"SET LOCAL enable_seqscan = off"}


@pytest.mark.race
async def test_overlapping_writers_and_a_reader_lose_and_reorder_nothing(
    kit_database: Database,
) -> None:
    signals = Signals()
    member_ids = [new_id() for _ in range(8)]

    async def write(member_id: UUID) -> None:
        for turn in range(15):
            async with kit_database.begin() as session:
                await publish(session, MemberUpdated(member_id=member_id, changed=(f"a{turn}",)))
                await asyncio.sleep((turn * 7 + member_id.bytes[-1]) % 5 / 500)
                await publish(session, MemberUpdated(member_id=member_id, changed=(f"b{turn}",)))

    async def follow() -> list[FeedEvent]:
        reader, seen = reader_of(kit_database, signals), list[FeedEvent]()
        while len(seen) < 8 * 15 * 2:
            seen += await reader.read(len(seen), limit=7, timeout_s=10)
        return seen

    async with (
        run_sequencer(kit_database, signals),
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        following = group.create_task(follow())
        for member_id in member_ids:
            group.create_task(write(member_id))

    seen = following.result()
    expected = [f"{part}{turn}" for turn in range(15) for part in "ab"]
    assert [event.position for event in seen] == list(range(1, 241))
    for member_id in member_ids:
        mine = [event.open().data for event in seen if event.subject == str(member_id)]
        assert [data["changed"][0] for data in mine] == expected


async def test_a_write_held_open_in_another_database_stalls_nothing(
    kit_database: Database, databases: Databases
) -> None:
    other = databases.empty()
    elsewhere = Database(other.owner)
    async with elsewhere.begin() as held:
        await held.execute(text("CREATE TABLE held (id int)"))
        await held.execute(text("INSERT INTO held VALUES (1)"))

        await publish_now(kit_database, "B1")
        await number_now(kit_database)

        assert await read(kit_database) == [(1, "B1")]
    await elsewhere.dispose()
    databases.drop(other)


def run_tool(tool: str, *args: str) -> None:
    program = binaries.installed() / "bin" / tool
    subprocess.run([program, *args], check=True, capture_output=True)


async def test_a_restored_copy_continues_where_a_stored_cursor_stands(
    kit_database: Database, kit_urls: Urls, databases: Databases, tmp_path: Path
) -> None:
    await publish_now(kit_database, "B1", "B2", "B3")
    await number_now(kit_database)
    await publish_now(kit_database, "B4", "B5")
    cursor = 2

    dump, copy_urls = str(tmp_path / "copy.dump"), databases.empty()
    run_tool("pg_dump", "--format=custom", f"--file={dump}", kit_urls.owner)
    run_tool("pg_restore", f"--dbname={copy_urls.owner}", dump)
    copy = Database(copy_urls.app)
    await publish_now(copy, "B6")
    await number_now(copy)

    assert await read(copy, cursor) == [(3, "B3"), (4, "B4"), (5, "B5"), (6, "B6")]
    await copy.dispose()
    databases.drop(copy_urls)


async def test_a_reader_ahead_of_a_restored_feed_gets_a_conflict(kit_database: Database) -> None:
    await publish_now(kit_database, "B1")
    await number_now(kit_database)

    with pytest.raises(LastEventIdUnknown):
        await read(kit_database, 2)


async def test_waiting_readers_hold_no_connection(kit_database: Database) -> None:
    signals = Signals()
    reader = reader_of(kit_database, signals)
    pool = kit_database.engine.sync_engine.pool
    asked: list[None] = []
    event.listen(pool, "checkin", lambda *_: asked.append(None))
    assert isinstance(pool, AsyncAdaptedQueuePool)
    async with run_sequencer(kit_database, signals):
        await publish_now(kit_database, "B0")
        await reader.read(0, limit=10, timeout_s=10)  # the sequencer is at work now
        asked.clear()

        waiting = [asyncio.create_task(reader.read(1, limit=10, timeout_s=30)) for _ in range(50)]
        async with asyncio.timeout(30):
            while len(asked) < 50 or pool.checkedout() > 0:  # noqa: ASYNC110 - it does not tell
                await asyncio.sleep(0.01)
        await publish_now(kit_database, "B1")
        answers = await asyncio.gather(*waiting)

    assert [len(answer) for answer in answers] == [1] * 50


async def test_a_reader_in_another_process_than_the_sequencer_is_served_too(
    kit_database: Database,
) -> None:
    async with run_sequencer(kit_database, Signals()):
        waiting = asyncio.create_task(
            reader_of(kit_database, Signals()).read(0, limit=10, timeout_s=30)
        )
        await publish_now(kit_database, "B1")

        assert len(await waiting) == 1


@pytest.mark.parametrize(("is_led", "looks"), [(True, {1}), (False, set(range(2, 100)))])
async def test_a_waiting_reader_looks_again_only_where_nobody_would_ring(
    kit_database: Database, is_led: bool, looks: set[int]
) -> None:
    signals, pages = Signals(), []
    signals.is_leading = is_led

    def note(*call: Any) -> None:
        if "LEFT JOIN" in call[2]:
            pages.append(call[2])

    event.listen(kit_database.engine.sync_engine, "before_cursor_execute", note)
    try:
        assert await reader_of(kit_database, signals).read(0, limit=100, timeout_s=2) == []
    finally:
        event.remove(kit_database.engine.sync_engine, "before_cursor_execute", note)

    assert len(pages) in looks


async def test_a_reader_looks_for_itself_when_the_sequencer_here_gives_up_its_place(
    kit_database: Database,
) -> None:
    signals = Signals()
    sequencer = Sequencer(kit_database, signals=signals)

    working = asyncio.create_task(sequencer.run())
    async with asyncio.timeout(30):
        await signals.numbered.wait(0, 30)
        was_leading, count = signals.is_leading, signals.numbered.count
        working.cancel()
        await asyncio.wait({working})

    assert was_leading
    assert not signals.is_leading
    assert signals.numbered.count == count + 1


async def test_an_empty_answer_is_never_given_while_committed_events_wait(
    kit_database: Database,
) -> None:
    await publish_now(kit_database, "B1")

    with pytest.raises(FeedStalled):
        await read(kit_database)


async def test_the_last_event_of_a_short_page_says_up_to_when_it_is_complete(
    kit_database: Database,
) -> None:
    await publish_now(kit_database, "B1", "B2")
    await number_now(kit_database)
    reader = reader_of(kit_database)

    full = await reader.read(0, limit=1, timeout_s=0)
    short = await reader.read(0, limit=10, timeout_s=0)
    await publish_now(kit_database, "B3")
    behind = await reader_of(kit_database).read(0, limit=10, timeout_s=0)

    async with kit_database.read() as session:
        oldest = await session.scalar(select(EventRow.occurred_at).where(EventRow.subject == "B3"))
    assert full[-1].completeat is None
    assert short[-1].completeat is not None
    assert short[-1].completeat > short[-1].time
    assert behind[-1].completeat == oldest


@pytest.mark.parametrize(
    "change",
    ["UPDATE events SET data = '{}'", "UPDATE events SET seq = DEFAULT", "DELETE FROM events",
     "TRUNCATE events"],
)  # fmt: skip
async def test_what_happened_cannot_be_changed(kit_database: Database, change: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with kit_database.begin() as session:
            await session.execute(text(change))
