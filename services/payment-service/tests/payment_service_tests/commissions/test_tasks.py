"""When commission is computed: at once after a few answers, if agents' events can be read."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from payment_service_tests.village import Village, apply_events, book, noon, read_until
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine
from payment_service.commissions.tasks import Computation
from payment_service.counting import service as counting
from payment_service.counting.queries import Waiting
from payment_service.counting.service import AGENTS
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from payment_service.worker import subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AgentSuspended
from perisai_kit.events.envelope import Event
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.turns import BUSY_FROM, DEFERRABLE
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.app import create_kit
from perisai_kit.testing.feeds import deliver, number_now
from perisai_kit.testing.plugin import BusinessTime, Urls, Wire

NOVEMBER = Month(2025, 11)


async def count_lines(session: AsyncSession) -> int:
    return (await session.scalars(select(func.count()).select_from(CommissionLine))).one()


async def test_agent_service_is_asked_where_payments_wait_for_nothing_else(
    session: AsyncSession, database: Database, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(1, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, *village.answered])
    await read_until(session, noon(NOVEMBER, 9), AGENTS)
    feed = LocalFeed(database, source="agent-service", signals=Signals())
    computation = Computation(feed)
    before = await computation.is_due(session)

    has_more = await computation.run(database)

    assert (await count_lines(session), has_more) == (6, False)
    assert await counting.count_waits(session) == {}
    assert (before, await computation.is_due(session)) == (True, False)


async def test_payments_go_on_waiting_while_agent_service_does_not_answer(
    session: AsyncSession,
    database: Database,
    business_time: BusinessTime,
    settings: Settings,
    wire: Wire,
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(1, NOVEMBER, paid_at=noon(NOVEMBER, 5))
    village.enrol(1, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, *village.answered])
    await read_until(session, noon(NOVEMBER, 9), AGENTS)
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    agents = kit.client("http://agent")

    await Computation(agents).run(database)
    await agents.close()

    assert await count_lines(session) == 6
    assert await counting.count_waits(session) == {NOVEMBER: Waiting(1, 36_800)}


@dataclass
class Answering:
    """Our database, and one with the feed of both other services."""

    own: Database
    other: Database
    feed: LocalFeed

    async def read_answers(self, village: Village, *happened: Event) -> None:
        """Read the answers to what was settled in a village, after its other events."""
        async with self.own.begin() as session:
            await book(session, village.settled)
        async with self.other.begin() as session:
            await publish(session, *village.decided, *happened, *village.answered)
        await number_now(self.other)
        feed = self.feed
        _, of_members, *_ = subscriptions(own=feed, members=feed, agents=feed, poll_s=0)
        await deliver(of_members, to=self.own, source=self.other)

    async def list_earning(self) -> set[UUID]:
        async with self.own.read() as session:
            return set(await session.scalars(select(CommissionLine.allocation_id)))


@pytest.fixture
async def answering(
    own_database: Callable[[str], Urls], keyring: Keyring
) -> AsyncIterator[Answering]:
    own = Database(own_database("payment").app, keyring=keyring)
    other = Database(own_database("agent").app, keyring=keyring)
    yield Answering(own, other, LocalFeed(other, source="another", signals=Signals()))
    await own.dispose()
    await other.dispose()


async def test_an_answer_is_computed_with_what_agent_service_has_published(
    answering: Answering, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    paid = village.pay(NOVEMBER, is_acquisition=False)
    missed = village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 12), is_acquisition=False)
    suspended: AgentSuspended = village.suspend(noon(NOVEMBER, 11))

    await answering.read_answers(village, suspended)

    earning = await answering.list_earning()
    assert earning == {paid.allocation_id} != {missed.allocation_id}
    async with answering.own.read() as session:
        assert await counting.count_waits(session) == {}


async def test_what_many_answers_make_due_waits_for_the_periodic_task(
    answering: Answering, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    paid = [village.pay(NOVEMBER, is_acquisition=False) for _ in range(BUSY_FROM)]
    computation = Computation(answering.feed)

    await answering.read_answers(village)
    before = await answering.list_earning()
    async with answering.own.read() as session:
        is_due = await computation.is_due(session)
    await computation.run(answering.own)

    assert (before, is_due) == (set(), True)
    assert await answering.list_earning() == {each.allocation_id for each in paid}


def test_only_what_may_be_late_is_deferred() -> None:
    feed = LocalFeed(Database("postgresql://"), source="another", signals=Signals())

    read = subscriptions(own=feed, members=feed, agents=feed)

    assert {each.name for each in read if each.urgency is DEFERRABLE} == {"commissions.payments"}
