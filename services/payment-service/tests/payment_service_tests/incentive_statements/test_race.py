"""Three feeds, computations and closes at once, on databases of their own, from bills on."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from payment_service_tests.incentive_statements.oracle import Oracle
from payment_service_tests.month_closing import agree_to_close
from payment_service_tests.village import FULL, TWO, Village, apply_events, book, noon
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.closings import service as closings
from payment_service.closings.rules import ClosingStatus
from payment_service.closings.tasks import Closer
from payment_service.commissions import service as commissions
from payment_service.commissions.models import CommissionLine
from payment_service.commissions.tasks import Computation
from payment_service.incentive_statements.models import Statement
from payment_service.months.rules import PaymentsWait
from payment_service.payments.models import Payment
from payment_service.schemes.rules import PARTS
from payment_service.settings import Settings
from payment_service.worker import subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled
from perisai_kit.events.envelope import Event
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import deliver, list_published, run_sequencer
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = [pytest.mark.race, pytest.mark.soak]

NOVEMBER = Month(2025, 11)
IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
Settle = Callable[..., Awaitable[Payment]]


@dataclass
class Stage:
    """Our database, those of the two others, and the subscriptions between them."""

    own: Database
    members: Database
    agents: Database
    of_payments: Subscription
    of_members: Subscription
    of_agents: Subscription
    feed_of_agents: LocalFeed

    async def read(self) -> None:
        """Let all feeds be read to their ends, and all be computed."""
        await deliver(self.of_members, to=self.own, source=self.members)
        await deliver(self.of_payments, to=self.own, source=self.own)
        await deliver(self.of_agents, to=self.own, source=self.agents)
        await Computation(self.feed_of_agents).run(self.own)

    async def publish(self, *villages: Village) -> None:
        """Publish the events of villages, each by its own service."""
        for village in villages:
            async with self.own.begin() as session:
                await book(session, village.settled)
                await publish(session, *village.settled)
            async with self.members.begin() as session:
                await publish(session, *village.answered)
            async with self.agents.begin() as session:
                await publish(session, *village.decided)


@pytest.fixture
async def stage(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Stage]:
    def connect(name: str) -> tuple[Database, LocalFeed]:
        database = Database(own_database(name).app, keyring=keyring)
        return database, LocalFeed(database, source=f"{name}-service", signals=Signals())

    own, of_own = connect("payment")
    members, of_members = connect("member")
    agents, of_agents = connect("agent")
    payments, answers, decisions, *_ = subscriptions(
        own=of_own, members=of_members, agents=of_agents, poll_s=0
    )
    yield Stage(own, members, agents, payments, answers, decisions, of_agents)
    for database in (own, members, agents):
        await database.dispose()


async def close(stage: Stage, settings: Settings, month: Month = NOVEMBER) -> None:
    """Let two people agree, and the worker close; what waits meanwhile delays it."""
    async with stage.own.begin() as session:
        await agree_to_close(session, month, settings=settings)
    closer = Closer(settings, batch=1)
    for _ in range(100):
        await closer.run(stage.own)
        async with stage.own.read() as session:
            if (await closings.get(session, month)).status is ClosingStatus.DONE:
                return
        await asyncio.sleep(0.01)
    raise AssertionError("the month does not come to be closed")


async def stated(session: AsyncSession) -> dict[UUID, int]:
    rows = await session.execute(
        select(Statement.beneficiary_id, func.sum(Statement.amount)).group_by(
            Statement.beneficiary_id
        )
    )
    return {who: int(amount) for who, amount in rows}


@pytest.mark.parametrize(
    ("month", "agent"), [(NOVEMBER, 1_026_000), (Month(2026, 11), 963_000)], ids=str
)
async def test_fifty_bills_paid_become_the_published_statement(
    stage: Stage,
    settings: Settings,
    business_time: BusinessTime,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    settle: Settle,
    month: Month,
    agent: int,
) -> None:
    business_time.at(noon(month))
    village = Village()
    async with stage.own.begin() as session:
        for _ in range(50):
            await settle(session, await issue_bill(session, basis=make_basis()))
        paid = [each for each in await list_published(session) if isinstance(each, PaymentSettled)]
    for each in paid:
        village.extend(each)
    await stage.publish(village)
    business_time.at(noon(month.plus(1)))
    await stage.read()

    await close(stage, settings, month)

    async with stage.own.read() as session:
        assert await stated(session) == {village.agent_id: agent, village.wadah_id: agent // 10}
        assert await checks.find_faults(session) == []


def some_villages(chance: random.Random) -> list[Village]:
    """Three agents of one wadah around the threshold, one away for days, with changed answers."""
    wadah_id = new_id()
    villages = [Village(wadah_id=wadah_id) for _ in range(3)]
    for village in villages:
        village.enrol(chance.choice([24, 25, 30]), NOVEMBER, prices=chance.choice([FULL, TWO]))
        for payment in village.settled[:5]:
            later = village.settle(NOVEMBER.plus(1), member_id=payment.member_id, month_count=3)
            village.extend(later, first_month=NOVEMBER, is_acquisition=False)
        village.decline(village.settled[0])
        village.decided += [village.suspend(noon(NOVEMBER, 9)), village.reinstate(noon(NOVEMBER))]
        villages[0].extend(village.settled[1], answer_no=2)
    return villages


async def publish_some(database: Database, events: Sequence[Event], chance: random.Random) -> None:
    """Publish events a few at a time."""
    rest = list(events)
    while rest:
        count = chance.randrange(1, 8)
        async with database.begin() as session:
            await publish(session, *rest[:count])
        del rest[:count]
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 10))]
)
async def test_feeds_at_once_come_to_the_same_lines(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    villages = some_villages(chance)
    settled = [event for each in villages for event in each.settled]
    answered = [event for each in villages for event in each.answered]
    decided = [event for each in villages for event in each.decided]
    oracle = Oracle(threshold=25)
    for event in (*settled, *answered, *decided):
        oracle.hear(event)
    feeds: list[tuple[Database, list[Event]]] = [
        (stage.own, [*settled]),
        (stage.members, [*answered]),
        (stage.agents, [*decided]),
    ]
    async with stage.own.begin() as session:
        await book(session, settled)

    async with run_sequencer(stage.own), run_sequencer(stage.members), run_sequencer(stage.agents):
        running = [
            asyncio.create_task(each.run(stage.own))
            for each in (stage.of_payments, stage.of_members, stage.of_agents, stage.of_members)
        ]
        for _, events in feeds:
            chance.shuffle(events)
        publishing = [publish_some(source, events, chance) for source, events in feeds]
        await asyncio.gather(*publishing, compute_often(stage), compute_often(stage))
        await asyncio.sleep(0.2)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    await stage.read()

    assert await earned(stage) == {key: value * PARTS for key, value in oracle.earned().items()}


async def earned(stage: Stage) -> dict[tuple[UUID, str], int]:
    """Return the parts of all lines by beneficiary and the month they are for."""
    key = (CommissionLine.beneficiary_id, CommissionLine.earned_month)
    total = func.sum(CommissionLine.parts)
    async with stage.own.read() as session:
        rows = await session.execute(select(*key, total).group_by(*key).having(total != 0))
        return {(who, str(month)): int(parts) for who, month, parts in rows}


async def compute_often(stage: Stage) -> None:
    for _ in range(30):
        async with stage.own.begin() as session:
            await commissions.compute_due(session, 7)
        await asyncio.sleep(0)


async def publish_all(stage: Stage, village: Village, business_time: BusinessTime) -> None:
    """Let a village's events be published in November and read in December."""
    business_time.at(noon(NOVEMBER))
    await stage.publish(village)
    business_time.at(noon(NOVEMBER.plus(1)))
    await stage.read()


async def test_an_answer_during_a_close_is_in_it_or_in_the_next(
    stage: Stage, settings: Settings, business_time: BusinessTime
) -> None:
    village = Village()
    payments = village.enrol(5, NOVEMBER)
    await publish_all(stage, village, business_time)
    late = [village.decline(payment) for payment in payments]

    async def take(index: int) -> None:
        async with stage.own.begin() as session:
            await apply_events(session, [late[index]])
        async with stage.own.begin() as session:
            await commissions.compute_due(session, 500)

    async def close_when_nothing_waits() -> None:
        for _ in range(50):
            try:
                await close(stage, settings)
                return
            except PaymentsWait:
                await asyncio.sleep(0.01)
        raise AssertionError("something waits for ever")

    await asyncio.gather(*(take(index) for index in range(2)), close_when_nothing_waits(), take(2))
    business_time.at(noon(NOVEMBER.plus(2)))
    await stage.read()
    await close(stage, settings, NOVEMBER.plus(1))

    async with stage.own.read() as session:
        assert await stated(session) == {village.agent_id: 11_040, village.wadah_id: 1_104}
        found = await checks.find_faults(session)
        never_made = ("transfer", "ledger received")  # no bank has reported these payments
        assert [each for each in found if not any(known in each for known in never_made)] == []
