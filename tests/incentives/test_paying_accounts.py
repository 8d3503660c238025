"""From the account that paid for new members to the bonus that is held: three services' feeds."""

from datetime import timedelta
from random import Random
from uuid import UUID

from incentives.simulation import Services, Simulation
from incentives.test_half_year import FIRST, begin
from sqlalchemy import select

from member_service.members.rules import RiskThresholds
from member_service.risk_flags.models import RaisedFlag
from member_service.risk_flags.tasks import RiskTasks
from payment_service.bonus_reviews.models import BonusReview, FlaggedAcquisition
from payment_service.bonus_reviews.tasks import ReviewTasks
from perisai_kit.domain.ids import new_id
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals

THRESHOLDS = RiskThresholds(phone=50, address=50, batch=50, paying_account=3, older=50)
ACCOUNTS = [f"{number:032x}" for number in range(3)]
BONUS = 15_000


async def watch(services: Services) -> Simulation:
    """Open a world in which paying accounts are compared and bonuses reviewed."""
    simulation = await begin(services, Random(1))
    members = LocalFeed(services.member, source="member", signals=Signals())
    flags = RiskTasks(services.keyring, THRESHOLDS).subscribe(members, poll_s=0)
    reviews = ReviewTasks(review_from=3).subscribe(members, poll_s=0)
    simulation.add_reader(flags, services.member)
    simulation.add_reader(reviews, services.payment)
    return simulation


async def acquire(simulation: Simulation, agent_id: UUID, accounts: list[str]) -> None:
    """Let an agent enrol as many members as accounts, each of which pays for one."""
    for account in accounts:
        member_id = await simulation.enrol(agent_id, new_to_bpu=True, has_jht=True)
        bill = await simulation.bill(member_id, 1)
        assert bill is not None
        await simulation.pay(bill, paying_account=account)


async def test_the_bonus_for_members_paid_by_one_account_is_held(services: Services) -> None:
    simulation = await watch(services)
    striking, usual = [await simulation.take_on(wadah=new_id()) for _ in range(2)]
    await simulation.read(everything=True)
    await acquire(simulation, striking, ACCOUNTS[:1] * 3)
    await acquire(simulation, usual, ACCOUNTS)
    await simulation.read(everything=True)
    simulation.move(timedelta(days=35))

    earned = await simulation.close(FIRST)

    assert earned[usual] - earned[striking] == 3 * BONUS
    async with services.member.read() as session:
        raised = await session.execute(select(RaisedFlag.agent_id, RaisedFlag.flag))
        assert {(agent_id, flag) for agent_id, flag in raised} == {
            (striking, "shared_paying_account")
        }
    async with services.payment.read() as session:
        reviewed = await session.execute(select(BonusReview.agent_id, BonusReview.status))
        assert [tuple(each) for each in reviewed] == [(striking, "open")]
        flagged = await session.scalars(select(FlaggedAcquisition.flag))
        assert [*flagged] == ["shared_paying_account"] * 3
