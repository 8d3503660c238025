"""Each event takes effect exactly once, however often anything crashes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from perisai_kit_tests.subscriptions.effects import (
    ANNA,
    BUDI,
    Failing,
    changed,
    local,
    publish_now,
    subscribe,
    write,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Unavailable
from perisai_kit.events.catalogue import BranchOpened, MemberUpdated
from perisai_kit.events.envelope import FeedUnreadable
from perisai_kit.events.subscription import FeedSource, Subscription
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.testing.feeds import deliver, number_now, run_sequencer
from perisai_kit.testing.plugin import GATEWAY, BusinessTime, Wire, open_app_client


async def test_events_take_effect_once_and_in_order(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, *(changed(ANNA, f"a{index}") for index in range(25)))

    first = await deliver(subscribe(kit_database, limit=10), to=kit_database, source=kit_database)
    again = await deliver(subscribe(kit_database), to=kit_database, source=kit_database)

    assert (first, again) == (25, 0)
    assert await effects() == [f"a{index}" for index in range(25)]


async def test_other_types_are_passed_over(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    opened = BranchOpened(branch_code="B1", region_code="R1")
    await publish_now(kit_database, opened, changed(ANNA, "a"), opened)
    subscription = subscribe(kit_database)

    await deliver(subscription, to=kit_database, source=kit_database)

    assert await effects() == ["a"]
    assert (await subscription.status(kit_database))["position"] == 3


async def test_handlers_find_rows_by_indexes_and_nothing_else_has_to(
    kit_database: Database,
) -> None:
    seen = []

    async def look(session: AsyncSession, _: MemberUpdated) -> None:
        seen.append(await session.scalar(text("SHOW enable_seqscan")))

    await publish_now(kit_database, changed(ANNA, "a"))
    source = local(kit_database)
    reading = Subscription(name="plans", source=source, handlers={MemberUpdated: look}, poll_s=0)
    await deliver(reading, to=kit_database, source=kit_database)
    async with kit_database.read() as session:
        seen.append(await session.scalar(text("SHOW enable_seqscan")))

    assert seen == ["off", "on"]


class Killed(BaseException):
    """The process is gone: nothing catches this."""


async def test_a_consumer_killed_before_its_commit_leaves_nothing_and_begins_again(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "a"), changed(ANNA, "b"))
    await number_now(kit_database)

    with pytest.raises(Killed):
        await subscribe(kit_database, Failing("b", error=Killed())).step(kit_database)
    after_the_kill = await effects()
    await subscribe(kit_database).step(kit_database)

    assert after_the_kill == []
    assert await effects() == ["a", "b"]


class OddSource:
    """A source that passes on what a function makes of the answers of another one."""

    def __init__(self, source: FeedSource, change: Callable[[Any], Awaitable[Any]]) -> None:
        self.source = source
        self.change = change

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> Any:
        return await self.change(await self.source.get(path, params, timeout_s=timeout_s))


def fail_first(count: int, error: type[BaseException]) -> Callable[[Any], Awaitable[Any]]:
    """Return what fails for the first answers, after they were fetched."""
    failures = iter([error] * count)

    async def fail_or_pass(answer: Any) -> Any:
        for failure in failures:
            raise failure
        return answer

    return fail_or_pass


async def test_a_consumer_killed_between_fetch_and_apply_begins_again(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    source = OddSource(local(kit_database), fail_first(1, Killed))
    subscription = subscribe(kit_database, source=source)

    with pytest.raises(Killed):
        await subscription.step(kit_database)
    await subscription.step(kit_database)

    assert await effects() == ["a"]


async def test_a_cancelled_consumer_ends_the_batch_in_hand(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    applying, release = asyncio.Event(), asyncio.Event()

    async def slow(session: AsyncSession, event: MemberUpdated) -> None:
        applying.set()
        await release.wait()
        await write(session, event.changed[0])

    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    running = asyncio.create_task(subscribe(kit_database, slow).run(kit_database))
    await applying.wait()

    running.cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.wait([running])

    assert running.cancelled()
    assert await effects() == ["a"]


@pytest.mark.race
async def test_two_workers_with_the_same_batch_apply_it_once(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, *(changed(ANNA, f"a{index}") for index in range(10)))
    await number_now(kit_database)
    barrier = asyncio.Barrier(2)

    async def wait_for_the_other(answer: Any) -> Any:
        await barrier.wait()
        return answer

    source = OddSource(local(kit_database), wait_for_the_other)

    await asyncio.gather(
        *(subscribe(kit_database, source=source).step(kit_database) for _ in range(2))
    )

    assert await effects() == [f"a{index}" for index in range(10)]


@pytest.mark.race
async def test_several_workers_share_a_subscription_without_double_effects(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    async with run_sequencer(kit_database):
        workers = [
            asyncio.create_task(subscribe(kit_database, limit=3).run(kit_database))
            for _ in range(3)
        ]
        for index in range(40):
            await publish_now(kit_database, changed(ANNA, f"a{index}"))
        async with asyncio.timeout(30):
            while len(await effects()) < 40:  # noqa: ASYNC110 - the effect is a row
                await asyncio.sleep(0.02)
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)

    assert await effects() == [f"a{index}" for index in range(40)]


async def run_until_an_effect(
    subscription: Subscription, database: Database, effects: Callable[[], Any]
) -> None:
    running = asyncio.create_task(subscription.run(database))
    async with asyncio.timeout(30):
        while not await effects():  # noqa: ASYNC110 - the effect is a row
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])


async def test_an_outage_never_parks(kit_database: Database, effects: Callable[[], Any]) -> None:
    cuts = 2

    async def cut_off(session: AsyncSession, event: MemberUpdated) -> None:
        nonlocal cuts
        await write(session, event.changed[0])
        if cuts:
            cuts -= 1
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    subscription = subscribe(kit_database, cut_off)

    await run_until_an_effect(subscription, kit_database, effects)

    assert cuts == 0
    assert await effects() == ["a"]
    assert (await subscription.status(kit_database))["parked"] == 0


async def test_a_source_that_is_away_is_asked_again(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    source = OddSource(local(kit_database), fail_first(2, Unavailable))

    await run_until_an_effect(subscribe(kit_database, source=source), kit_database, effects)

    assert await effects() == ["a"]


@pytest.mark.parametrize(
    "answer",
    [None, {}, [{}], ["x"], [{"id": "x"}]],
)
async def test_an_answer_that_is_no_batch_moves_nothing(
    kit_database: Database, answer: object
) -> None:
    async def replace(_: Any) -> object:
        return answer

    subscription = subscribe(kit_database, source=OddSource(local(kit_database), replace))

    with pytest.raises(FeedUnreadable):
        await subscription.step(kit_database)

    assert (await subscription.status(kit_database))["position"] == 0


async def test_a_batch_that_does_not_rise_moves_nothing(kit_database: Database) -> None:
    async def repeat(answer: Any) -> Any:
        return [*answer, *answer]

    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    subscription = subscribe(kit_database, source=OddSource(local(kit_database), repeat))

    with pytest.raises(FeedUnreadable):
        await subscription.step(kit_database)

    assert (await subscription.status(kit_database))["position"] == 0


async def test_status_says_until_when_everything_has_been_read(
    kit_database: Database, effects: Callable[[], Any], business_time: BusinessTime
) -> None:
    subscription = subscribe(kit_database)
    never = await subscription.status(kit_database)
    business_time.at(datetime(2026, 11, 30, 23, 0, tzinfo=UTC))
    await publish_now(kit_database, changed(ANNA, "a"))
    await number_now(kit_database)
    await subscription.step(kit_database)
    after_event = await subscription.status(kit_database)
    business_time.at(datetime(2026, 12, 1, 1, 0, tzinfo=UTC))

    await subscription.step(kit_database)

    after_silence = await subscription.status(kit_database)
    hour = timedelta(hours=1)
    assert (never["caught_up_at"], never["lag_s"]) == (None, None)
    assert after_event["caught_up_at"].startswith("2026-11-30T23:00")
    assert datetime.fromisoformat(after_silence["caught_up_at"]) > datetime(2026, 12, 1, tzinfo=UTC)
    assert after_silence["lag_s"] < hour.total_seconds()


async def test_a_feed_is_followed_over_http(
    kit_database: Database,
    effects: Callable[[], Any],
    make_kit_app: Callable[..., FastAPI],
    wire: Wire,
) -> None:
    app = make_kit_app()
    wire.mount("producer", app)
    tokens = TokenSource(
        gateway_url=GATEWAY, client_id="member-service", client_secret="x", transport=wire
    )
    client = ServiceClient("http://producer", tokens, transport=wire)
    await publish_now(kit_database, changed(ANNA, "a"), changed(BUDI, "b"))

    async with open_app_client(app):
        count = await deliver(
            subscribe(kit_database, source=client), to=kit_database, source=kit_database
        )

    assert count == 2
    assert await effects() == ["a", "b"]
    await client.close()
