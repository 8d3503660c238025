"""Both feeds, payments and closes at once, on databases of their own, from bills to statements."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.commissions import service as commissions
from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements import service
from payment_service.incentive_statements.models import Statement
from payment_service.months.rules import MonthClosedAlready
from payment_service.months.schemas import CommissionMonthOut
from payment_service.payments.models import Payment
from payment_service.schemes.rules import PARTS
from payment_service.settings import Settings
from payment_service.testing_commissions import FULL, TWO, Village, noon, recompute
from payment_service.worker import subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import deliver, run_sequencer
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = pytest.mark.race

NOVEMBER = Month(2025, 11)
IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
Settle = Callable[..., Awaitable[Payment]]


@dataclass
class Stage:
    """Our database, member-service's, and the two subscriptions between them."""

    own: Database
    members: Database
    of_payments: Subscription
    of_members: Subscription

    async def read(self) -> None:
        """Let both feeds be read to their ends, and that be noted."""
        await deliver(self.of_members, to=self.own, source=self.members)
        await deliver(self.of_payments, to=self.own, source=self.own)


@pytest.fixture
async def stage(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Stage]:
    own = Database(own_database("payment").app, keyring=keyring)
    members = Database(own_database("member").app, keyring=keyring)
    of_payments, of_members, _ = subscriptions(
        own=LocalFeed(own, source="payment-service", signals=Signals()),
        members=LocalFeed(members, source="member-service", signals=Signals()),
        poll_s=0,
    )
    yield Stage(own, members, of_payments, of_members)
    await own.dispose()
    await members.dispose()


async def close(stage: Stage, settings: Settings, month: Month = NOVEMBER) -> CommissionMonthOut:
    async with stage.own.begin() as session:
        return await service.close(session, month, by=new_id(), settings=settings)


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
            care = village.attribute(month)
            basis = make_basis(
                member_id=care.member_id,
                attribution_id=care.attribution_id,
                agent_id=care.agent_id,
                wadah_id=care.wadah_id,
            )
            bill = await issue_bill(session, basis=basis)
            await settle(session, bill)
    async with stage.members.begin() as session:
        await publish(session, *village.attributed)
    business_time.at(noon(month.plus(1)))
    await stage.read()

    await close(stage, settings, month)

    async with stage.own.read() as session:
        assert await stated(session) == {village.agent_id: agent, village.wadah_id: agent // 10}
        assert await checks.find_faults(session) == []


@pytest.mark.parametrize("seed", range(3))
async def test_two_feeds_at_once_come_to_the_same_lines(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    wadah_id = new_id()
    villages = [Village(wadah_id=wadah_id) for _ in range(3)]
    for village in villages:
        village.enrol(chance.choice([24, 25, 30]), NOVEMBER, prices=chance.choice([FULL, TWO]))
        for care in village.attributed[:5]:
            village.settle(care, first_month=NOVEMBER.plus(1), month_count=3)
    attributed = [event for each in villages for event in each.attributed]
    paid = [event for each in villages for event in each.settled]
    chance.shuffle(paid)

    async def tell(database: Database, events: list[object]) -> None:
        while events:
            count = chance.randrange(1, 8)
            async with database.begin() as session:
                await publish(session, *events[:count])  # type: ignore[arg-type]  # events all
            del events[:count]
            await asyncio.sleep(0)

    async with run_sequencer(stage.own), run_sequencer(stage.members):
        running = [
            asyncio.create_task(each.run(stage.own))
            for each in (stage.of_payments, stage.of_members, stage.of_payments)
        ]
        await asyncio.gather(tell(stage.own, list(paid)), tell(stage.members, list(attributed)))
        await asyncio.sleep(0.2)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    await stage.read()

    expected = {key: value * PARTS for key, value in recompute(attributed, paid).items()}
    async with stage.own.read() as session:
        key = (CommissionLine.beneficiary_id, CommissionLine.earned_month)
        rows = await session.execute(select(*key, func.sum(CommissionLine.parts)).group_by(*key))
        assert {(who, month): parts for who, month, parts in rows} == expected


async def test_of_two_closes_at_once_one_closes(
    stage: Stage, settings: Settings, business_time: BusinessTime
) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    await publish_all(stage, village, business_time)

    outcomes = await asyncio.gather(
        *(close(stage, settings) for _ in range(4)), return_exceptions=True
    )

    assert Counter(type(each) for each in outcomes) == {
        CommissionMonthOut: 1,
        MonthClosedAlready: 3,
    }
    async with stage.own.read() as session:
        assert await stated(session) == {village.agent_id: 513_000, village.wadah_id: 51_300}


async def publish_all(stage: Stage, village: Village, business_time: BusinessTime) -> None:
    """Let a village's events be published in November and read in December."""
    business_time.at(noon(NOVEMBER))
    async with stage.members.begin() as session:
        await publish(session, *village.attributed)
    async with stage.own.begin() as session:
        await publish(session, *village.settled)
    business_time.at(noon(NOVEMBER.plus(1)))
    await stage.read()


async def test_a_payment_during_a_close_is_in_it_or_in_the_next(
    stage: Stage, settings: Settings, business_time: BusinessTime
) -> None:
    village = Village()
    village.enrol(5, NOVEMBER)
    await publish_all(stage, village, business_time)
    late = [
        village.settle(care, first_month=NOVEMBER.plus(1), paid_at=noon(NOVEMBER))
        for care in village.attributed
    ]

    async def take(index: int) -> None:
        async with stage.own.begin() as session:
            await commissions.take_payments(session, [late[index]])

    await asyncio.gather(*(take(index) for index in range(2)), close(stage, settings), take(2))
    await asyncio.gather(*(take(index) for index in range(5)))
    business_time.at(noon(NOVEMBER.plus(2)))
    await stage.read()
    await close(stage, settings, NOVEMBER.plus(1))

    async with stage.own.read() as session:
        assert await stated(session) == {village.agent_id: 55_200, village.wadah_id: 5_520}
        found = await checks.find_faults(session)
        assert [each for each in found if "commission" not in each and "events" not in each] == []
