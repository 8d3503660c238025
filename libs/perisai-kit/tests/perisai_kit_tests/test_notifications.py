"""Processes that share a database wake each other. Their polls are hours apart here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text

from perisai_kit.db.engine import Database
from perisai_kit.db.notifications import Channel
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.feed import FeedReader
from perisai_kit.events.outbox import publish
from perisai_kit.events.sequencer import Sequencer
from perisai_kit.events.signals import COALESCE_S, Signals, exchange_notifications
from perisai_kit.testing.plugin import Urls, open_app_client

WAIT_S = 30
HOUR_S = 3600
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@dataclass
class Process:
    """What one process of a service has of its own."""

    database: Database
    signals: Signals

    async def publish(self, code: str) -> None:
        async with self.database.begin() as session:
            await publish(session, BranchOpened(branch_code=code, region_code="R1"))

    async def read(self, after: int) -> list[str]:
        reader = FeedReader(self.database, source="kit", signals=self.signals)
        async with asyncio.timeout(WAIT_S):
            events = await reader.read(after, limit=10, timeout_s=HOUR_S)
        return [event.open().data["branch_code"] for event in events]


Run = Callable[[Process], Coroutine[Any, Any, None]]


def run_sequencer(process: Process) -> Coroutine[Any, Any, None]:
    return Sequencer(process.database, signals=process.signals).run()


def run_without_worker(process: Process) -> Coroutine[Any, Any, None]:
    return exchange_notifications(process.database, signals=process.signals)


@asynccontextmanager
async def start(urls: Urls, run: Run) -> AsyncIterator[Process]:
    process = Process(Database(urls.app, pool_size=2), Signals(poll_s=HOUR_S))
    signals = process.signals
    process.database.after_publish = signals.published.send
    task = asyncio.create_task(run(process))
    try:
        await signals.numbered.wait(0, WAIT_S)
        assert signals.is_leading or signals.is_listening
        yield process
    finally:
        task.cancel()
        await asyncio.wait([task])
        await process.database.dispose()


@asynccontextmanager
async def hear(urls: Urls, channel: Channel) -> AsyncIterator[asyncio.Queue[int]]:
    """Give the process ids of the connections that send notifications."""
    senders = asyncio.Queue[int]()
    connection = await asyncpg.connect(urls.app)
    try:
        await connection.add_listener(channel, lambda _, pid, *__: senders.put_nowait(pid))
        yield senders
    finally:
        await connection.close()


@pytest.mark.parametrize("run", [run_without_worker, run_sequencer])
async def test_an_event_is_numbered_by_another_process_and_read_by_a_third(
    kit_urls: Urls, run: Run
) -> None:
    async with (
        start(kit_urls, run_sequencer) as leading,
        start(kit_urls, run) as first,
        start(kit_urls, run) as second,
    ):
        for after, code in enumerate(["B1", "B2", "B3"]):
            processes = (leading, first, second)
            waiting = [asyncio.create_task(each.read(after)) for each in processes]
            await first.publish(code)
            assert await asyncio.gather(*waiting) == [[code]] * 3

        assert [each.signals.is_leading for each in processes] == [True, False, False]


async def test_a_process_that_stood_by_is_woken_after_it_has_taken_over(kit_urls: Urls) -> None:
    async with start(kit_urls, run_without_worker) as other:
        async with start(kit_urls, run_sequencer):
            await other.publish("B1")
            assert await other.read(0) == ["B1"]
            standing_by = start(kit_urls, run_sequencer)
            next_one = await standing_by.__aenter__()
            assert not next_one.signals.is_leading
        try:
            for after, code in enumerate(["B2", "B3"], start=1):
                await other.publish(code)
                assert await other.read(after) == [code]
            assert next_one.signals.is_leading
        finally:
            await standing_by.__aexit__(None, None, None)


async def test_many_commits_are_one_notification(kit_urls: Urls) -> None:
    commits = 200
    async with (
        hear(kit_urls, Channel.PUBLISHED) as senders,
        start(kit_urls, run_sequencer),
        start(kit_urls, run_without_worker) as process,
    ):
        began = time.monotonic()
        for index in range(commits):
            await process.publish(f"B{index}")
        read = 0
        while read < commits:
            read += len(await process.read(read))
        rounds = (time.monotonic() - began) / COALESCE_S

    # The first one is sent when the connection is made, and one may begin the first round.
    assert 1 <= senders.qsize() <= rounds + 2


@pytest.mark.parametrize("channel", list(Channel))
async def test_a_connection_that_the_server_ends_is_replaced_and_nothing_is_lost(
    kit_urls: Urls, channel: Channel
) -> None:
    async with (
        hear(kit_urls, channel) as senders,
        start(kit_urls, run_sequencer),
        start(kit_urls, run_without_worker) as process,
    ):
        await process.publish("B1")
        assert await process.read(0) == ["B1"]
        async with asyncio.timeout(WAIT_S):
            sender = await senders.get()
        async with process.database.begin() as session:
            ended = await session.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": sender})
        for after, code in enumerate(["B2", "B3"], start=1):
            await process.publish(code)
            assert await process.read(after) == [code]
        async with asyncio.timeout(WAIT_S):
            while (another := await senders.get()) == sender:
                pass

    assert ended
    assert another != sender


async def test_a_notification_is_not_sent_in_the_transaction_that_published(
    kit_urls: Urls,
) -> None:
    statements: list[str] = []
    async with (
        hear(kit_urls, Channel.PUBLISHED) as senders,
        start(kit_urls, run_without_worker) as process,
    ):
        async with asyncio.timeout(WAIT_S):
            at_the_start = await senders.get()

        @event.listens_for(process.database.engine.sync_engine, "before_cursor_execute")
        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            statements.append(statement)

        async with process.database.begin() as session:
            publishing = await session.scalar(text("SELECT pg_backend_pid()"))
            await publish(session, BranchOpened(branch_code="B1", region_code="R1"))
        async with asyncio.timeout(WAIT_S):
            sender = await senders.get()

    assert sender == at_the_start != publishing
    assert len(statements) == 2
    assert "NOTIFY" not in " ".join(statements).upper()


async def test_without_a_connection_for_notifications_a_reader_polls_at_its_pace(
    kit_urls: Urls,
) -> None:
    signals, pages = Signals(poll_s=HOUR_S), []
    database = Database(kit_urls.app, direct_url=NOWHERE)

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "LEFT JOIN" in statement:
            pages.append(statement)

    trying = asyncio.create_task(exchange_notifications(database, signals=signals))
    reader = FeedReader(database, source="kit", signals=signals)
    waiting = asyncio.create_task(reader.read(0, limit=10, timeout_s=HOUR_S))
    async with asyncio.timeout(WAIT_S):
        while len(pages) < 5:  # noqa: ASYNC110 - it does not tell
            await asyncio.sleep(0.01)
    is_trying = not trying.done()
    for task in (waiting, trying):
        task.cancel()
    await asyncio.wait([waiting, trying])
    await database.dispose()

    assert is_trying
    assert not signals.is_listening


@pytest.mark.parametrize("run_worker", [False, True])
async def test_a_process_has_one_connection_for_notifications_and_the_lock_of_the_sequencer(
    make_kit_app: Callable[..., FastAPI], *, run_worker: bool
) -> None:
    app = make_kit_app(run_worker=run_worker)
    signals: Signals = app.state.kit.signals
    held = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'perisai-direct'"
    )

    async with open_app_client(app):
        await signals.numbered.wait(0, WAIT_S)
        roles = (signals.is_leading, signals.is_listening)
        async with app.state.kit.database.read() as session:
            connections = await session.scalar(held)

    assert connections == 1
    assert roles == (run_worker, not run_worker)
    assert not signals.is_leading
    assert not signals.is_listening
