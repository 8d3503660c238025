"""Events of members, and handlers that write them to the table `effects`."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.envelope import Event
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.handlers import Handler
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import FeedSource, Subscription
from perisai_kit.events.turns import USUAL, Urgency

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
    return LocalFeed(database, source="test-service", signals=Signals())


def subscribe(
    database: Database,
    handler: Handler = on_updated,
    *,
    source: FeedSource | None = None,
    limit: int = 500,
    urgency: Urgency = USUAL,
) -> Subscription:
    return Subscription(
        name="effects",
        source=source or local(database),
        handlers={MemberUpdated: handler},
        limit=limit,
        poll_s=0,
        patience_s=(0.01, 0.01, 0.01),
        urgency=urgency,
    )
