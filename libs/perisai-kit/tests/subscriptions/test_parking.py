"""An event that keeps failing is set aside and holds up its own subject only."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db import Database
from perisai_kit.events import Event, MemberUpdated
from perisai_kit.feed import Wakeup, publish
from perisai_kit.ids import new_id
from perisai_kit.local_feed import LocalFeed
from perisai_kit.parked import ParkedEventNotFound
from perisai_kit.subscription import FeedSource, Handler, ReplayFailed, Subscription
from perisai_kit.testing_feed import deliver, number_now

ANNA, BUDI = new_id(), new_id()


def changed(member_id: UUID, what: str) -> MemberUpdated:
    return MemberUpdated(member_id=member_id, changed=(what,))


async def publish_now(database: Database, *events: Event) -> None:
    async with database.begin() as session:
        await publish(session, *events)


async def write(session: AsyncSession, what: str) -> None:
    await session.execute(text("INSERT INTO effects (what) VALUES (:what)"), {"what": what})


async def on_updated(session: AsyncSession, event: MemberUpdated) -> None:
    await write(session, event.changed[0])


class Failing:
    """A handler that fails on chosen events until it is mended."""

    def __init__(self, *bad: str, error: BaseException | None = None) -> None:
        self.bad = set(bad)
        self.error = error or ValueError("somebody's data")
        self.calls: list[str] = []

    async def __call__(self, session: AsyncSession, event: MemberUpdated) -> None:
        self.calls.append(event.changed[0])
        await write(session, event.changed[0])
        if event.changed[0] in self.bad:
            raise self.error


def local(database: Database) -> LocalFeed:
    return LocalFeed(database, source="test-service", wakeup=Wakeup())


def subscribe(
    database: Database,
    handler: Handler = on_updated,
    *,
    source: FeedSource | None = None,
    limit: int = 500,
) -> Subscription:
    return Subscription(
        name="effects",
        source=source or local(database),
        handlers={MemberUpdated: handler},
        limit=limit,
        poll_s=0,
    )


async def test_a_poison_event_is_parked_and_holds_up_only_its_own_subject(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(
        kit_database,
        changed(ANNA, "a1"),
        changed(ANNA, "poison"),
        changed(BUDI, "b1"),
        changed(ANNA, "a2"),
    )
    handler = Failing("poison")
    subscription = subscribe(kit_database, handler)

    await deliver(subscription, to=kit_database, source=kit_database)
    await publish_now(kit_database, changed(ANNA, "a3"), changed(BUDI, "b2"))
    await deliver(subscription, to=kit_database, source=kit_database)

    status = await subscription.status(kit_database)
    assert await effects() == ["a1", "b1", "b2"]
    assert handler.calls.count("poison") == 4  # once with the batch, then three attempts
    assert (status["parked"], status["position"]) == (3, 6)
    async with kit_database.read() as session:
        rows = await session.execute(
            text("SELECT position, error, attempts FROM parked_events ORDER BY position")
        )
        assert [tuple(row) for row in rows] == [
            (2, "ValueError", 3),
            (4, "waits_behind", 0),
            (5, "waits_behind", 0),
        ]


async def parked_ids(database: Database) -> list[UUID]:
    ids = text("SELECT id FROM parked_events WHERE replayed_at IS NULL ORDER BY position")
    async with database.read() as session:
        return list(await session.scalars(ids))


async def test_a_mended_subject_is_replayed_in_order_and_free_again(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    handler = Failing("a1")
    subscription = subscribe(kit_database, handler)
    await publish_now(kit_database, *(changed(ANNA, f"a{index}") for index in range(1, 4)))
    await deliver(subscription, to=kit_database, source=kit_database)
    handler.bad.clear()

    last = (await parked_ids(kit_database))[-1]
    replayed = await subscription.replay(kit_database, last)
    await publish_now(kit_database, changed(ANNA, "a4"))
    await deliver(subscription, to=kit_database, source=kit_database)

    assert replayed == 3
    assert await effects() == ["a1", "a2", "a3", "a4"]
    assert (await subscription.status(kit_database))["parked"] == 0
    with pytest.raises(ParkedEventNotFound):
        await subscription.replay(kit_database, last)


async def test_a_replay_that_fails_again_keeps_what_came_before_it(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    handler = Failing("a1", "a2")
    subscription = subscribe(kit_database, handler)
    await publish_now(kit_database, *(changed(ANNA, f"a{index}") for index in range(1, 4)))
    await deliver(subscription, to=kit_database, source=kit_database)
    handler.bad.remove("a1")

    with pytest.raises(ReplayFailed) as failed:
        await subscription.replay(kit_database, (await parked_ids(kit_database))[0])

    assert failed.value.details["error"] == "ValueError"
    assert "somebody" not in f"{failed.value} {failed.value.details}"
    assert await effects() == ["a1"]
    assert len(await parked_ids(kit_database)) == 2


async def test_an_event_that_cannot_be_read_is_parked(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "a"), changed(BUDI, "b"))
    await number_now(kit_database)

    class Garbled:
        async def get(
            self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
        ) -> Any:
            answer = await local(kit_database).get(path, params, timeout_s=timeout_s)
            for event in answer:
                event["data"] = {} if event["position"] == "1" else event["data"]
            return answer

    subscription = subscribe(kit_database, source=Garbled())
    await subscription.step(kit_database)

    assert await effects() == ["b"]
    assert (await subscription.status(kit_database))["parked"] == 1
