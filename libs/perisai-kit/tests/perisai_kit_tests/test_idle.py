"""The work of an idle process, counted and not timed."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import event
from starlette.types import Receive, Scope, Send

from perisai_kit.db.engine import Database
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.feed import FeedReader
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.http.connections.watch import ConnectionLimits, Watch
from perisai_kit.services.serve import Configuration, DatedState, Server
from perisai_kit.testing.feeds import number_now, run_sequencer
from perisai_kit.testing.plugin import BusinessTime, Tokens
from perisai_kit.testing.server import HOST, serve

LONG_AGO = datetime(2025, 11, 3, tzinfo=JAKARTA)
WAIT_S = 30


class Silent:
    """A feed without events that answers at once and records the requested waits."""

    def __init__(self) -> None:
        self.waited_s: list[float] = []

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> Any:
        self.waited_s.append(int(params["timeout"]) / 1000)
        return []


def count_statements(database: Database) -> list[str]:
    seen: list[str] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    return seen


def when_run(database: Database, part: str) -> asyncio.Event:
    """Return an event that is set once a statement with this part has been run."""
    run = asyncio.Event()

    @event.listens_for(database.engine.sync_engine, "after_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if part in statement:
            run.set()

    return run


async def test_an_idle_minute_of_a_subscription_is_few_requests_and_a_statement_each(
    kit_database: Database,
) -> None:
    feed = Silent()
    subscription = Subscription(name="idle", source=feed)
    await subscription.step(kit_database)  # the first request waits for nothing
    statements = count_statements(kit_database)

    while sum(feed.waited_s) < 60:
        await subscription.step(kit_database)

    assert len(feed.waited_s) <= 4
    assert len(statements) == len(feed.waited_s) - 1


async def test_what_was_read_is_known_anew_when_the_test_clock_was_moved(
    kit_database: Database, business_time: BusinessTime
) -> None:
    business_time.at(LONG_AGO)
    feed = Silent()
    subscription = Subscription(name="idle", source=feed)
    for _ in range(3):
        await subscription.step(kit_database)
    business_time.at(LONG_AGO.replace(month=12))

    await subscription.step(kit_database)

    first, *others, last = feed.waited_s
    assert (first, last) == (0, 0)
    assert min(others) > 0
    caught_up_at = (await subscription.status(kit_database))["caught_up_at"]
    assert datetime.fromisoformat(caught_up_at).astimezone(JAKARTA).month == 12


async def test_a_waiting_reader_is_answered_when_the_test_clock_is_moved(
    kit_database: Database, business_time: BusinessTime
) -> None:
    business_time.at(LONG_AGO)
    reader = FeedReader(kit_database, source="test-service", signals=Signals())
    waiting = asyncio.create_task(reader.read(0, limit=10, timeout_s=1_000_000))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    business_time.at(LONG_AGO.replace(month=12))

    assert await asyncio.wait_for(waiting, WAIT_S) == []


async def test_a_waiting_reader_beside_a_sequencer_is_answered_when_that_hears_of_a_moved_clock(
    kit_database: Database, business_time: BusinessTime
) -> None:
    business_time.at(LONG_AGO)
    signals = Signals(poll_s=3600)
    reader = FeedReader(kit_database, source="test-service", signals=signals)
    async with run_sequencer(kit_database, signals), asyncio.timeout(WAIT_S):
        while not signals.is_leading:
            await signals.role.wait(signals.role.count, WAIT_S)
        waiting = asyncio.create_task(reader.read(0, limit=10, timeout_s=1_000_000))
        await asyncio.sleep(0.5)
        assert not waiting.done()

        business_time.at(LONG_AGO.replace(month=12))
        signals.published.send()

        assert await waiting == []


async def test_a_reader_beside_a_sequencer_waits_without_looking(kit_database: Database) -> None:
    signals, looks = Signals(poll_s=0.01), list[int]()
    signals.is_leading = True
    reader = FeedReader(kit_database, source="test-service", signals=signals)

    def is_gone() -> bool:
        looks.append(signals.numbered.count)
        return len(looks) > 1

    waiting = asyncio.create_task(reader.read(0, limit=10, timeout_s=1_000_000, is_gone=is_gone))
    await asyncio.sleep(0.3)
    assert looks == [0]

    reader.wake()

    assert await asyncio.wait_for(waiting, WAIT_S) == []
    assert looks == [0, 1]


async def test_an_event_is_not_missed_while_a_reader_looks_whether_its_client_is_gone(
    kit_database: Database,
) -> None:
    signals = Signals()
    signals.is_leading = True
    reader = FeedReader(kit_database, source="test-service", signals=signals)
    found_nothing, numbered = when_run(kit_database, "event_positions"), asyncio.Event()
    looks: list[bool] = []

    def is_gone() -> bool:
        looks.append(numbered.is_set())
        if looks.count(True) == 1:
            signals.numbered.send()
        return False

    waiting = asyncio.create_task(reader.read(0, limit=10, timeout_s=1_000_000, is_gone=is_gone))
    await asyncio.wait_for(found_nothing.wait(), WAIT_S)
    async with kit_database.begin() as session:
        await publish(session, BranchOpened(branch_code="B1", region_code="R1"))
    await number_now(kit_database)
    numbered.set()
    reader.wake()

    assert len(await asyncio.wait_for(waiting, WAIT_S)) == 1
    assert looks[-1]


async def test_a_waiting_reader_gets_a_true_answer_when_the_server_stops(
    kit_database: Database,
) -> None:
    async with kit_database.begin() as session:
        await publish(session, BranchOpened(branch_code="B1", region_code="R1"))
    await number_now(kit_database)
    reader = FeedReader(kit_database, source="test-service", signals=Signals())
    stopping: set[str] = set()

    def is_stopping() -> bool:
        return bool(stopping)

    waiting = asyncio.create_task(
        reader.read(1, limit=10, timeout_s=1_000_000, is_stopping=is_stopping)
    )
    await asyncio.sleep(0.1)
    assert not waiting.done()
    stopping.add("yes")

    assert await asyncio.wait_for(waiting, WAIT_S) == []


@pytest.mark.parametrize("is_leading", [False, True])
async def test_a_long_poll_is_answered_when_the_server_stops(
    make_kit_app: Callable[..., FastAPI], tokens: Tokens, *, is_leading: bool
) -> None:
    app, entered = make_kit_app(), asyncio.Event()
    app.state.kit.signals.is_leading = is_leading

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            entered.set()
        await app(scope, receive, send)

    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client:
        async with serve(entrance) as port:
            url = f"http://{HOST}:{port}/feed?timeout=30000"
            asking = asyncio.create_task(client.get(url, headers=tokens.service()))
            await asyncio.wait_for(entered.wait(), WAIT_S)
            await asyncio.sleep(0.5)  # until it has found nothing and waits
            assert not asking.done()
        answer = await asking

    assert (answer.status_code, answer.json()) == (200, [])


async def test_a_long_poll_ends_when_its_client_has_gone(
    make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    app, ended = make_kit_app(), asyncio.Event()
    app.state.kit.signals.is_leading = True

    async def exit_(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                ended.set()

    async with serve(exit_) as port, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://{HOST}:{port}/feed?timeout=30000"
        timeout = httpx.Timeout(WAIT_S, read=2)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, headers=tokens.service(), timeout=timeout)
        async with asyncio.timeout(WAIT_S / 2):
            await ended.wait()


async def test_a_server_waits_until_it_is_asked_to_exit() -> None:
    server = Server(Configuration("sandbox.fakebank.app:create_app"))
    waiting = asyncio.create_task(server.main_loop())
    await asyncio.sleep(0.1)
    assert not waiting.done()

    server.handle_exit(signal.SIGTERM, None)

    await asyncio.wait_for(waiting, WAIT_S)
    await asyncio.wait_for(server.main_loop(), WAIT_S)  # as when it was asked during its start


def test_each_answer_has_the_date_of_its_second() -> None:
    seconds = iter([1_763_000_000.2, 1_763_000_000.9, 1_763_000_001.0])
    config = uvicorn.Config(app=Silent, server_header=False)
    config.load()
    state = DatedState(config, now=lambda: next(seconds))

    first, same, next_one = (state.default_headers for _ in range(3))

    assert first == [(b"date", b"Thu, 13 Nov 2025 02:13:20 GMT")]
    assert same is first
    assert next_one == [(b"date", b"Thu, 13 Nov 2025 02:13:21 GMT")]


class Connection:
    """A watched connection that records when it was checked."""

    def __init__(self) -> None:
        self.only_waits = False
        self.checked = asyncio.Event()
        self.count = 0

    def check(self, now: float) -> bool:
        self.count += 1
        self.checked.set()
        return not self.only_waits

    def close_idle(self) -> None: ...


async def test_connections_that_wait_for_the_app_are_not_checked_until_resumed() -> None:
    watch = Watch(asyncio.get_running_loop(), ConnectionLimits(check_every_s=0.01))
    poll, other = Connection(), Connection()
    for each in (poll, other):
        watch.add(each)
    poll.only_waits = True
    await asyncio.wait_for(poll.checked.wait(), WAIT_S)
    poll.checked.clear()
    await asyncio.wait_for(poll.checked.wait(), WAIT_S)  # the other one needs it
    other.only_waits = True
    other.checked.clear()
    await asyncio.wait_for(other.checked.wait(), WAIT_S)

    count = poll.count
    await asyncio.sleep(0.1)
    assert poll.count == count
    poll.checked.clear()
    watch.resume()

    await asyncio.wait_for(poll.checked.wait(), WAIT_S)
