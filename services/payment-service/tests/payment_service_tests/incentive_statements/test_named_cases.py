"""Months that were stated, and what a late report, a hand-over or a dismissal makes of them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from payment_service_tests.incentive_holds.conftest import with_agreement
from payment_service_tests.village import Village, apply_events, compute, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements import service
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import EarningsAsked
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AgentDismissed

NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
OFFICER = Principal(
    account_id=new_id(),
    roles=frozenset({Role.FINANCE_OFFICER}),
    scope=Scope(kind=ScopeKind.COUNTRY),
)


async def stated(session: AsyncSession, beneficiary_id: UUID) -> list[tuple[int, int, int, int]]:
    """Return amount, brought debt, payable and carried debt of each statement, in order."""
    rows = await session.scalars(
        select(Statement.id)
        .where(Statement.beneficiary_id == beneficiary_id)
        .order_by(Statement.id)
    )
    found = [await service.get(session, OFFICER, id_) for id_ in rows.all()]
    return [(each.amount, each.brought_debt, each.payable, each.carried_debt) for each in found]


async def lines(session: AsyncSession, month: Month) -> Sequence[CommissionLine]:
    statement = select(CommissionLine).where(CommissionLine.booked_month == month)
    return (await session.scalars(statement.order_by(CommissionLine.id))).all()


def dismiss(village: Village, at: datetime) -> AgentDismissed:
    return AgentDismissed(
        agent_id=village.agent_id, account_id=new_id(), reason_code="other", decided_at=at
    )


async def test_a_threshold_lost_after_its_month_was_stated_becomes_a_debt_and_is_earned_off(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village = with_agreement(Village())  # what is held would make up for it
    payments = village.enrol(25, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    village.extend(payments[7], answer_no=2, is_acquisition=False)
    await tell(village)

    asked = EarningsAsked(agent_id=village.agent_id, month=DECEMBER)
    preview = await service.preview(session, OFFICER, asked, scheme_id=None)
    await close(DECEMBER)
    village.enrol(30, JANUARY)
    await tell(village)
    await close(JANUARY)

    taken_back = await lines(session, DECEMBER)
    assert {each.cause for each in taken_back} == {"acquisition"}
    assert {each.earned_month for each in taken_back} == {NOVEMBER}
    assert {each.reason for each in taken_back} == {"threshold_missed", "no_acquisition"}
    assert len([each for each in taken_back if each.beneficiary_kind == "agent"]) == 25
    assert (preview.amount, preview.payable, preview.carried_debt) == (-375_000, 0, 375_000)
    assert await stated(session, village.agent_id) == [
        (513_000, 0, 513_000, 0),
        (-375_000, 0, 0, 375_000),
        (615_600, 375_000, 240_600, 0),
    ]
    assert await stated(session, village.wadah_id) == [
        (51_300, 0, 51_300, 0),
        (-37_500, 0, 0, 37_500),
        (61_560, 37_500, 24_060, 0),
    ]
    assert await faults(session) == []


async def test_a_debt_larger_than_a_month_is_carried_through_it(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village = Village()
    declined = village.enrol(25, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    for payment in declined:
        village.decline(payment)
    village.pay(DECEMBER, is_acquisition=False)
    await tell(village)
    await close(DECEMBER)
    village.pay(JANUARY, is_acquisition=False)
    await tell(village)
    await close(JANUARY)

    assert await stated(session, village.agent_id) == [
        (513_000, 0, 513_000, 0),
        (-507_480, 0, 0, 507_480),
        (5_520, 507_480, 0, 501_960),
    ]
    assert await faults(session) == []


async def test_a_return_after_a_lapse_is_no_acquisition_and_counts_its_months_anew(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, member_id = Village(), new_id()
    village.enrol(24, NOVEMBER)
    for month, first_month in ((NOVEMBER, NOVEMBER.plus(-30)), (DECEMBER, DECEMBER)):
        payment = village.settle(month, member_id=member_id)
        village.extend(payment, first_month=first_month, is_acquisition=False)
    await tell(village)
    await close(NOVEMBER)
    await close(DECEMBER)

    assert await stated(session, village.agent_id) == [
        (24 * 5_520 + 1_840, 0, 24 * 5_520 + 1_840, 0),
        (5_520, 0, 5_520, 0),
    ]
    assert {each.month_index for each in await lines(session, DECEMBER)} == {1}


async def test_a_hand_over_in_mid_month_divides_the_month_by_the_day_of_payment(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    before, after, member_id = Village(), Village(), new_id()
    first = before.pay(NOVEMBER, member_id=member_id, paid_at=noon(NOVEMBER, 14))
    second = after.settle(DECEMBER, member_id=member_id, paid_at=noon(NOVEMBER, 16))
    after.extend(second, first_month=NOVEMBER, is_acquisition=False)
    await tell(before, after)
    await close(NOVEMBER)
    # The hand-over turns out to have been on the 13th.
    await apply_events(session, [after.extend(first, answer_no=2)])
    await compute(session)
    await close(DECEMBER)

    assert await stated(session, before.agent_id) == [(5_520, 0, 5_520, 0), (-5_520, 0, 0, 5_520)]
    assert await stated(session, after.agent_id) == [(5_520, 0, 5_520, 0), (5_520, 0, 5_520, 0)]
    assert await stated(session, after.wadah_id) == [(552, 0, 552, 0), (552, 0, 552, 0)]


async def test_a_change_of_wadah_leaves_the_threshold_and_divides_the_override(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village, next_wadah = Village(), new_id()
    village.enrol(20, NOVEMBER, paid_at=noon(NOVEMBER, 9))
    last = village.enrol(5, NOVEMBER, paid_at=noon(NOVEMBER, 20), wadah_id=next_wadah)
    await tell(village)
    await close(NOVEMBER)
    village.decline(last[0])
    await tell(village)
    await close(DECEMBER)

    assert (await stated(session, village.agent_id))[0][0] == 513_000
    assert [each[0] for each in await stated(session, village.wadah_id)] == [41_040, -30_000]
    assert [each[0] for each in await stated(session, next_wadah)] == [10_260, -8_052]
    assert await faults(session) == []


async def test_lines_of_a_dismissed_agent_are_stated_up_to_the_day_of_the_dismissal(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village = Village()
    village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 9), is_acquisition=False)
    village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 10).replace(hour=23), is_acquisition=False)
    village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 11).replace(hour=0), is_acquisition=False)
    await tell(village)
    await apply_events(session, [dismiss(village, noon(NOVEMBER, 10))])
    await compute(session)
    await close(NOVEMBER)

    assert await stated(session, village.agent_id) == [(11_040, 0, 11_040, 0)]
    reasons = {each.reason for each in await lines(session, NOVEMBER) if each.is_opposite}
    assert reasons == {"agent_not_at_work"}
    assert await faults(session) == []
