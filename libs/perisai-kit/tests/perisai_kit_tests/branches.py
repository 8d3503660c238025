"""Events of branches, and a reader of their feed."""

from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.feed import FeedReader
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals


def opened(code: str) -> BranchOpened:
    return BranchOpened(branch_code=code, region_code="R1")


async def publish_now(database: Database, *codes: str) -> None:
    async with database.begin() as session:
        await publish(session, *(opened(code) for code in codes))


def reader_of(database: Database, signals: Signals | None = None) -> FeedReader:
    return FeedReader(database, source="test-service", signals=signals or Signals())


async def read(
    database: Database, after: int = 0, *, limit: int = 100, timeout_s: float = 0
) -> list[tuple[int, str]]:
    events = await reader_of(database).read(after, limit=limit, timeout_s=timeout_s)
    return [(event.position, event.open().data["branch_code"]) for event in events]
