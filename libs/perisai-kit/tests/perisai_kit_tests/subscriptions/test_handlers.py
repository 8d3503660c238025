"""Handlers of several events at once."""

from collections.abc import Sequence

from perisai_kit_tests.subscriptions.effects import (
    ANNA,
    BUDI,
    changed,
    local,
    publish_now,
)
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import BranchOpened, MemberAttributed, MemberUpdated
from perisai_kit.events.subscription import Subscription
from perisai_kit.testing.feeds import deliver


async def test_a_batch_handler_gets_neighbouring_events_at_once(kit_database: Database) -> None:
    runs: list[list[str]] = []

    async def on_many(session: AsyncSession, events: Sequence[MemberUpdated]) -> None:
        runs.append([event.changed[0] for event in events])

    async def on_opened(session: AsyncSession, event: BranchOpened) -> None:
        runs.append([event.branch_code])

    subscription = Subscription(
        name="effects",
        source=local(kit_database),
        handlers={BranchOpened: on_opened},
        batch_handlers={MemberUpdated: on_many},
        poll_s=0,
    )
    opened = BranchOpened(branch_code="B1", region_code="R1")
    await publish_now(
        kit_database, changed(ANNA, "a"), changed(BUDI, "b"), opened, changed(ANNA, "c")
    )

    await deliver(subscription, to=kit_database, source=kit_database)

    assert runs == [["a", "b"], ["B1"], ["c"]]


async def test_a_batch_handler_of_two_classes_gets_their_neighbouring_events_together(
    kit_database: Database,
) -> None:
    runs: list[list[str]] = []

    async def on_many(
        session: AsyncSession, events: Sequence[MemberUpdated | MemberAttributed]
    ) -> None:
        runs.append([event.type for event in events])

    subscription = Subscription(
        name="effects",
        source=local(kit_database),
        batch_handlers={MemberUpdated: on_many, MemberAttributed: on_many},
        poll_s=0,
    )
    attributed = MemberAttributed(member_id=BUDI, attribution_no=1, periods=())
    await publish_now(kit_database, changed(ANNA, "a"), attributed, changed(ANNA, "b"))

    await deliver(subscription, to=kit_database, source=kit_database)

    assert runs == [[MemberUpdated.type, MemberAttributed.type, MemberUpdated.type]]
