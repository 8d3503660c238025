"""A subscription keeps its place in mind, and notices when another worker has moved it."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import FeedSource, Subscription
from perisai_kit.testing.feeds import number_now


async def write_code(session: AsyncSession, event: BranchOpened) -> None:
    await session.execute(
        text("INSERT INTO effects (what) VALUES (:what)"), {"what": event.branch_code}
    )


def subscribe(database: Database, source: FeedSource | None = None) -> Subscription:
    source = source or LocalFeed(database, source="test-service", signals=Signals())
    return Subscription(
        name="effects", source=source, handlers={BranchOpened: write_code}, poll_s=0
    )


async def publish_now(database: Database, code: str) -> None:
    async with database.begin() as session:
        await publish(session, BranchOpened(branch_code=code, region_code="R1"))
    await number_now(database)


async def test_a_worker_that_stood_still_follows_a_cursor_that_another_moved(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    first, second = subscribe(kit_database), subscribe(kit_database)
    assert await first.step(kit_database) == 0
    await publish_now(kit_database, "a0")
    await second.step(kit_database)

    dropped, empty = await first.step(kit_database), await first.step(kit_database)
    await publish_now(kit_database, "a1")
    applied = await first.step(kit_database)

    assert (dropped, empty, applied) == (1, 0, 1)
    assert await effects() == ["a0", "a1"]


class Asked(LocalFeed):
    """A feed that notes from where it was read."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, source="test-service", signals=Signals())
        self.after: list[str] = []

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> Any:
        self.after.append(str(params["lastEventId"]))
        return await super().get(path, params, timeout_s=timeout_s)


async def test_a_worker_goes_on_behind_its_own_page_until_another_has_moved_the_cursor(
    kit_database: Database, effects: Callable[[], Any]
) -> None:
    source = Asked(kit_database)
    first = subscribe(kit_database, source)
    await publish_now(kit_database, "a0")
    await first.step(kit_database)
    await publish_now(kit_database, "a1")
    await subscribe(kit_database).step(kit_database)

    dropped, empty = await first.step(kit_database), await first.step(kit_database)

    assert (dropped, empty) == (1, 0)
    assert source.after == ["0", "1", "2"]
    assert await effects() == ["a0", "a1"]
