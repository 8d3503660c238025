"""An event that keeps failing is set aside and holds up its own subject only."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

import pytest
from perisai_kit_tests.subscriptions.effects import (
    ANNA,
    BUDI,
    Failing,
    changed,
    local,
    on_updated,
    publish_now,
    subscribe,
    write,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import TooMany, Unavailable
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.envelope import Event
from perisai_kit.events.parking import ParkedEvent, ParkedEventNotFound
from perisai_kit.events.replay import ReplayFailed
from perisai_kit.events.subscription import Subscription
from perisai_kit.testing.feeds import deliver, number_now


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
    replayed = await subscription.parked.run(kit_database, last)
    await publish_now(kit_database, changed(ANNA, "a4"))
    await deliver(subscription, to=kit_database, source=kit_database)

    assert replayed == 3
    assert await effects() == ["a1", "a2", "a3", "a4"]
    assert (await subscription.status(kit_database))["parked"] == 0
    with pytest.raises(ParkedEventNotFound):
        await subscription.parked.run(kit_database, last)


async def test_a_replay_that_fails_again_keeps_what_came_before_it(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    handler = Failing("a1", "a2")
    subscription = subscribe(kit_database, handler)
    await publish_now(kit_database, *(changed(ANNA, f"a{index}") for index in range(1, 4)))
    await deliver(subscription, to=kit_database, source=kit_database)
    handler.bad.remove("a1")

    with pytest.raises(ReplayFailed) as failed:
        await subscription.parked.run(kit_database, (await parked_ids(kit_database))[0])

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
            return [
                event.model_copy(update={"data": {}}) if event.position == 1 else event
                for event in answer
            ]

    subscription = subscribe(kit_database, source=Garbled())
    await subscription.step(kit_database)

    assert await effects() == ["b"]
    assert (await subscription.status(kit_database))["parked"] == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError("no such file"),
        ConnectionRefusedError("somewhere else"),
        TimeoutError("of its own"),
        Unavailable(),
        TooMany(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_event_that_looks_like_an_outage_is_parked_while_the_database_answers(
    kit_database: Database, effects: Callable[[], Any], error: Exception
) -> None:
    await publish_now(kit_database, changed(ANNA, "poison"), changed(BUDI, "b1"))
    subscription = subscribe(kit_database, Failing("poison", error=error))

    await deliver(subscription, to=kit_database, source=kit_database)

    assert await effects() == ["b1"]
    assert (await subscription.status(kit_database))["parked"] == 1


async def test_an_event_that_always_brings_about_a_deadlock_is_parked_in_the_end(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    async def on_event(session: AsyncSession, event: MemberUpdated) -> None:
        await write(session, event.changed[0])
        if event.changed[0] == "poison":
            await session.execute(text("DO $$ BEGIN RAISE deadlock_detected; END $$"))

    await publish_now(kit_database, changed(ANNA, "poison"), changed(BUDI, "b1"))
    subscription = subscribe(kit_database, on_event)

    await deliver(subscription, to=kit_database, source=kit_database)

    assert await effects() == ["b1"]
    async with kit_database.read() as session:
        attempts = await session.scalar(text("SELECT attempts FROM parked_events"))
    assert attempts == 4


async def test_a_replay_that_fails_with_an_oserror_says_so_and_stays_parked(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await publish_now(kit_database, changed(ANNA, "poison"))
    subscription = subscribe(kit_database, Failing("poison", error=OSError("somebody's data")))
    await deliver(subscription, to=kit_database, source=kit_database)

    with pytest.raises(ReplayFailed) as failed:
        await subscription.parked.run(kit_database, (await parked_ids(kit_database))[0])

    assert failed.value.details["error"] == "OSError"
    assert await effects() == []


async def test_a_dismissed_event_lets_those_behind_it_take_effect_in_order(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    subscription = subscribe(kit_database, Failing("poison", "worse"))
    events = [changed(ANNA, what) for what in ("poison", "a1", "worse", "a2")]
    await publish_now(kit_database, *events)
    await deliver(subscription, to=kit_database, source=kit_database)
    poison, _, worse, _ = await parked_ids(kit_database)
    officer = new_id()

    first = await subscription.parked.dismiss(kit_database, poison, by=officer, reason="a test")
    after_first = await effects()
    second = await subscription.parked.dismiss(kit_database, worse, by=officer, reason="another")
    await publish_now(kit_database, changed(ANNA, "a3"))
    await deliver(subscription, to=kit_database, source=kit_database)

    assert (first, after_first) == (1, ["a1"])
    assert second == 1
    assert await effects() == ["a1", "a2", "a3"]
    assert (await subscription.status(kit_database))["parked"] == 0
    with pytest.raises(ParkedEventNotFound):
        await subscription.parked.dismiss(kit_database, poison, by=officer, reason="again")
    async with kit_database.read() as session:
        rows = list(await session.scalars(select(ParkedEvent).order_by(ParkedEvent.position)))
    assert [row.status for row in rows] == ["dismissed", "replayed", "dismissed", "replayed"]
    assert (rows[0].dismissed_by, rows[0].dismissal_reason) == (officer, "a test")
    assert (rows[2].error, rows[2].attempts) == ("ValueError", 1)


class Removed(Event):
    """An event without a handler in a later version of the service."""

    type: ClassVar[str] = "test.removed.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID


async def park_one_and_remove_its_handler(database: Database, *, also: Sequence[str] = ()) -> None:
    """Leave behind what an older version of the service could not handle, and what follows it."""

    async def fail(session: AsyncSession, event: Event) -> None:
        raise ValueError

    older = Subscription(
        name="effects",
        source=local(database),
        handlers={Removed: fail, MemberUpdated: on_updated},
        poll_s=0,
    )
    await publish_now(database, Removed(member_id=ANNA), *(changed(ANNA, what) for what in also))
    await deliver(older, to=database, source=database)
    assert (await older.status(database))["parked"] == 1 + len(also)


async def test_a_replay_passes_over_an_event_without_a_handler(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await park_one_and_remove_its_handler(kit_database, also=["a1", "a2"])
    subscription = subscribe(kit_database)

    replayed = await subscription.parked.run(kit_database, (await parked_ids(kit_database))[-1])

    assert replayed == 2
    assert await effects() == ["a1", "a2"]
    async with kit_database.read() as session:
        statuses = [
            row.status
            for row in await session.scalars(select(ParkedEvent).order_by(ParkedEvent.position))
        ]
    assert statuses == ["passed_over", "replayed", "replayed"]


async def test_a_version_without_the_handler_lets_the_subject_go_on_by_itself(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await park_one_and_remove_its_handler(kit_database, also=["a1"])
    await publish_now(kit_database, changed(ANNA, "a2"))
    await number_now(kit_database)
    subscription = subscribe(kit_database)

    running = asyncio.create_task(subscription.run(kit_database))
    async with asyncio.timeout(30):
        while await effects() != ["a1", "a2"]:  # noqa: ASYNC110 - the effect is a row
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])

    assert (await subscription.status(kit_database))["parked"] == 0


async def test_an_event_that_was_passed_over_is_replayed_by_a_version_that_handles_it(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    await park_one_and_remove_its_handler(kit_database)
    removed = (await parked_ids(kit_database))[0]
    without = subscribe(kit_database)
    await without.parked.pass_over_removed(kit_database)

    async def on_removed(session: AsyncSession, event: Event) -> None:
        await write(session, "handled after all")

    back = Subscription(
        name="effects",
        source=local(kit_database),
        handlers={Removed: on_removed, MemberUpdated: on_updated},
        poll_s=0,
    )
    with pytest.raises(ParkedEventNotFound):
        await without.parked.run(kit_database, removed)
    replayed = await back.parked.run(kit_database, removed)

    assert replayed == 1
    assert await effects() == ["handled after all"]
