"""Who sees and acts on bills and payments is who cares for the member today."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.banking import make_period
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import service, tasks
from payment_service.attributions.models import AttributionPeriod as Row
from payment_service.attributions.service import Attributed
from payment_service.bill_lists.rules import BillFilter, BillSort
from payment_service.bill_lists.service import list_bills
from payment_service.bills import service as bills
from payment_service.bills.rules import BillNotFound, BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.payments import service as payments
from payment_service.payments.rules import PaymentFilter
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AttributionPeriod, MemberAttributed
from perisai_kit.testing.plugin import BusinessTime

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Any]]
APRIL = date(2027, 4, 1)


@pytest.fixture(autouse=True)
def march(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2027, 3, 10, 5, 0, tzinfo=UTC))
    return business_time


def agent(period: AttributionPeriod) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset({Role.AGENT}), agent_id=period.agent_id)


def officer(branch: str) -> Principal:
    scope = Scope(ScopeKind.BRANCH, branch, "JATIM")
    return Principal(account_id=new_id(), roles=frozenset({Role.BRANCH_OFFICER}), scope=scope)


async def sees(session: AsyncSession, viewer: Principal, bill: BillOut) -> bool:
    page = await list_bills(session, viewer, BillFilter(), BillSort.NEWEST, cursor=None, limit=10)
    paid = await payments.list_payments(session, viewer, PaymentFilter(), cursor=None, limit=10)
    seen = bill.id in {each.id for each in page.bills}
    assert bool(paid.items) == seen
    return seen


async def test_after_a_planned_hand_over_the_successor_sees_and_acts_and_the_old_agent_does_not(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle, march: BusinessTime
) -> None:
    old, new = make_period(), make_period(from_date=APRIL, branch_code="JBR")
    paid = await issue_bill(session, periods=[old, new])
    await settle(session, paid)

    assert await sees(session, agent(old), paid)
    assert not await sees(session, agent(new), paid)
    march.at(datetime(2027, 3, 31, 17, 0, tzinfo=UTC))
    assert not await sees(session, agent(old), paid)
    assert await sees(session, agent(new), paid)
    assert not await sees(session, officer("BWI"), paid)
    assert await sees(session, officer("JBR"), paid)


async def test_the_open_bill_goes_with_the_member(
    session: AsyncSession, issue_bill: IssueBill, march: BusinessTime
) -> None:
    old, new = make_period(), make_period(from_date=APRIL)
    march.at(datetime(2027, 3, 30, 5, 0, tzinfo=UTC))
    open_bill = await issue_bill(session, periods=[old, new])
    march.at(datetime(2027, 4, 1, 5, 0, tzinfo=UTC))
    reason = VoidReason.MEMBER_REQUEST

    with pytest.raises(BillNotFound):
        await bills.cancel(session, agent(old), open_bill.id, reason=reason)
    cancelled = await bills.cancel(session, agent(new), open_bill.id, reason=reason)

    assert cancelled.status is BillStatus.VOID


async def test_an_agent_does_not_see_a_member_after_the_event_of_a_take_over(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    old = make_period()
    bill = await issue_bill(session, periods=[old])
    await settle(session, bill)
    unseen = old.model_copy(update={"agent_sees": False})
    branch = make_period(from_date=date(2027, 3, 11), agent_id=None, wadah_id=None)

    await tasks.on_members_attributed(
        session,
        [MemberAttributed(member_id=bill.member_id, attribution_no=2, periods=(unseen, branch))],
    )

    assert not await sees(session, agent(old), bill)
    assert await sees(session, officer("BWI"), bill)


async def agents_of(session: AsyncSession, member_id: UUID) -> list[UUID | None]:
    query = select(Row.agent_id).where(Row.member_id == member_id).order_by(Row.from_date)
    return list((await session.scalars(query)).all())


async def test_the_highest_attribution_number_counts_in_any_order_and_any_number_of_times(
    session: AsyncSession,
) -> None:
    member_id = new_id()
    one, two, three = make_period(), make_period(), make_period(from_date=APRIL)
    states = [
        Attributed(member_id, 1, [one]),
        Attributed(member_id, 3, [two, three]),
        Attributed(member_id, 2, [one]),
    ]

    await service.take(session, states)
    for attributed in states:
        await service.take(session, [attributed])

    assert await agents_of(session, member_id) == [two.agent_id, three.agent_id]
    await service.take(session, [Attributed(member_id, 4, [one])])
    assert await agents_of(session, member_id) == [one.agent_id]
    assert await session.scalar(select(func.count()).select_from(Row)) == 1
