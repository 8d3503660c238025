"""What the feeds come to: every published figure, and whatever waits for what."""

from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

import pytest
from payment_service_tests.village import (
    FULL,
    RELIEVED,
    TWO,
    Prices,
    Village,
    apply_all,
    apply_events,
    book,
    compute,
    noon,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service
from payment_service.commissions.models import CommissionLine
from payment_service.commissions.rules import CommissionCause, CommissionRule
from payment_service.counting import service as counting
from payment_service.counting.queries import Waiting
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import PARTS, Applied
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)


async def rupiah(session: AsyncSession, beneficiary_id: UUID, month: Month = NOVEMBER) -> Fraction:
    sums = await service.sum_month(session, beneficiary_id, month)
    return Fraction(sums.parts, PARTS)


async def lines(session: AsyncSession) -> Sequence[CommissionLine]:
    found = await session.scalars(select(CommissionLine).order_by(CommissionLine.id))
    return found.all()


@pytest.mark.parametrize(
    ("prices", "count", "agent"),
    [
        (FULL, 30, 615_600),
        (FULL, 50, 1_026_000),
        (FULL, 100, 2_052_000),
        (TWO, 30, 375_600),
        (RELIEVED, 50, 963_000),
        (FULL, 24, 24 * 5_520),
        (FULL, 25, 25 * 20_520),
    ],
)
async def test_a_month_of_new_members_earns_the_published_figure(
    session: AsyncSession, prices: Prices, count: int, agent: int
) -> None:
    village = Village()
    village.enrol(count, NOVEMBER, prices=prices)

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id) == agent
    assert await rupiah(session, village.wadah_id) == Fraction(agent, 10)


@pytest.mark.parametrize(("count", "agent"), [(30, 74_520), (50, 574_200), (100, 698_400)])
async def test_the_same_month_under_the_2018_scheme(
    session: AsyncSession, count: int, agent: int
) -> None:
    village = Village()
    village.enrol(count, NOVEMBER)
    await apply_all(session, village)

    sums = await service.sum_under(
        session, await scheme(session, Month(2017, 1)), agent_id=village.agent_id, month=NOVEMBER
    )

    assert sums.parts == agent * PARTS


async def scheme(session: AsyncSession, first_month: Month) -> Applied:
    return next(each for each in await schemes.approved(session) if each.first_month == first_month)


async def test_a_month_before_april_2022_earns_by_the_2018_scheme(session: AsyncSession) -> None:
    month = Month(2022, 3)
    village = Village()
    payments = [village.pay(month, paid_at=noon(month, 1 + place % 28)) for place in range(51)]

    await book(session, village.settled)
    for start in (0, 30, 49):
        await apply_events(session, village.decided)
        await apply_events(session, village.answered[start : start + 30])
        await compute(session, at_once=20)

    found = await lines(session)
    fixed = [line for line in found if line.cause is CommissionCause.MONTH_TARGET]
    standing = {each.id: each for each in fixed}
    for each in fixed:
        if each.is_opposite:
            same = (each.allocation_id, each.beneficiary_id)
            mirrored = next(
                line
                for line in standing.values()
                if (line.allocation_id, line.beneficiary_id) == same and not line.is_opposite
            )
            del standing[each.id], standing[mirrored.id]
    crossing = sorted(payments, key=lambda each: (each.counts_at, each.allocation_id))[49]
    assert {line.scheme_id for line in found} == {(await scheme(session, Month(2017, 1))).id}
    assert sorted((line.base, line.rate_bps) for line in standing.values()) == [
        (500_000, 1_000),
        (500_000, 9_000),
    ]
    assert {line.allocation_id for line in standing.values()} == {crossing.allocation_id}
    assert await rupiah(session, village.agent_id, month) == Fraction(
        9 * (51 * 2_760 + 500_000), 10
    )


async def test_the_25th_new_member_earns_for_the_24_before(session: AsyncSession) -> None:
    village = Village()
    village.enrol(26, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.answered[:24]], at_once=5)

    await compute(session, at_once=5)
    before = await rupiah(session, village.agent_id)
    await apply_events(session, village.answered[24:25])
    await compute(session)
    reached = await rupiah(session, village.agent_id)
    await apply_events(session, village.answered[25:])
    await compute(session)

    assert before == 24 * 5_520
    assert reached == 25 * 20_520
    assert await rupiah(session, village.agent_id) == 26 * 20_520


async def test_each_month_has_its_own_threshold(session: AsyncSession) -> None:
    village = Village()
    village.enrol(24, NOVEMBER)
    village.enrol(25, NOVEMBER.plus(1))

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id) == 24 * 5_520
    assert await rupiah(session, village.agent_id, NOVEMBER.plus(1)) == 25 * 20_520


async def test_the_threshold_counts_an_agent_s_members_across_wadahs(
    session: AsyncSession,
) -> None:
    village = Village()
    other = new_id()
    village.enrol(13, NOVEMBER)
    village.enrol(12, NOVEMBER, wadah_id=other)

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id) == 25 * 20_520
    assert await rupiah(session, village.wadah_id) == 13 * 2_052
    assert await rupiah(session, other) == 12 * 2_052


@pytest.mark.parametrize(("months_on", "rate_bps"), [(23, 1500), (24, 500), (59, 500), (60, 0)])
async def test_contributions_earn_15_percent_for_24_months_then_5_until_60(
    session: AsyncSession, months_on: int, rate_bps: int
) -> None:
    village = Village()
    month = NOVEMBER.plus(months_on)
    payment = village.settle(month)
    village.extend(payment, first_month=NOVEMBER, is_acquisition=False)

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id, month) == Fraction(36_800 * rate_bps, PARTS)


async def test_twelve_months_at_once_earn_in_the_month_of_payment(session: AsyncSession) -> None:
    village = Village()
    payment = village.settle(NOVEMBER, month_count=12, paid_at=noon(NOVEMBER))
    village.extend(payment, first_month=NOVEMBER.plus(-18), is_acquisition=False)

    await apply_all(session, village)

    own = [line for line in await lines(session) if line.rule is CommissionRule.CONTRIBUTION]
    own.sort(key=lambda line: (line.contribution_month or NOVEMBER, line.programme or ""))
    assert {(line.earned_month, line.booked_month) for line in own} == {(NOVEMBER, NOVEMBER)}
    assert [line.month_index for line in own[::3]] == list(range(19, 31))
    assert await rupiah(session, village.agent_id) == 6 * 5_520 + 6 * 1_840


async def test_months_of_a_prepaid_year_beyond_the_60th_earn_nothing(
    session: AsyncSession,
) -> None:
    village = Village()
    payment = village.settle(NOVEMBER, month_count=12)
    village.extend(payment, first_month=NOVEMBER.plus(-54), is_acquisition=False)

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id) == 6 * 1_840


async def test_a_payment_that_acquires_nobody_counts_for_no_threshold(
    session: AsyncSession,
) -> None:
    village = Village()
    village.enrol(24, NOVEMBER)
    village.enrol(10, NOVEMBER, is_acquisition=False)

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id) == 34 * 5_520


async def test_members_of_the_branch_earn_nobody_anything(session: AsyncSession) -> None:
    village = Village()
    village.enrol(24, NOVEMBER)
    village.enrol(5, NOVEMBER, agent_id=None, wadah_id=None)

    await apply_all(session, village)

    assert await rupiah(session, village.agent_id) == 24 * 5_520
    assert await counting.count_waits(session) == {}


async def test_an_unknown_agent_earns_nothing(session: AsyncSession) -> None:
    village = Village()
    village.decided.clear()
    village.enrol(1, NOVEMBER)

    await apply_all(session, village)

    assert await lines(session) == []


async def test_a_payment_waits_for_its_answer_and_for_agents_events(
    session: AsyncSession,
) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, *village.answered[:10]])

    await compute(session, until=noon(NOVEMBER, 9))
    waiting = await counting.count_waits(session)
    of_agent = await counting.count_waits(session, agent_id=village.agent_id)
    await compute(session)
    left = await counting.count_waits(session)
    early = await rupiah(session, village.agent_id)
    await apply_events(session, village.answered[10:])
    await compute(session)

    assert waiting == {NOVEMBER: Waiting(25, 25 * 36_800)}
    assert of_agent == {NOVEMBER: Waiting(10, 10 * 36_800)}
    assert left == {NOVEMBER: Waiting(15, 15 * 36_800)}
    assert early == 10 * 5_520
    assert await counting.count_waits(session) == {}
    assert await rupiah(session, village.agent_id) == 25 * 20_520


async def test_nothing_is_computed_before_agents_events_are_read(session: AsyncSession) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, *village.answered])

    await compute(session, until=None)

    assert await lines(session) == []


async def test_an_answer_that_comes_before_its_payment_is_kept(session: AsyncSession) -> None:
    village = Village()
    village.enrol(2, NOVEMBER)
    await book(session, village.settled[:1])
    await apply_events(session, [*village.decided, *village.answered])

    await compute(session)
    before = await rupiah(session, village.agent_id)
    waiting = await counting.count_waits(session)
    await book(session, village.settled[1:])
    await apply_events(session, village.settled)
    await compute(session)

    assert before == 5_520
    assert waiting == {NOVEMBER: Waiting(1, 0)}
    assert await rupiah(session, village.agent_id) == 2 * 5_520
    assert await counting.count_waits(session) == {}


async def test_money_for_a_closed_month_is_booked_in_the_next(session: AsyncSession) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    watermark = await counting.lock_months(session)
    await counting.begin_closing(session, watermark, NOVEMBER.plus(2))

    await apply_all(session, village)

    found = await lines(session)
    assert {line.earned_month for line in found} == {NOVEMBER}
    assert {line.booked_month for line in found} == {NOVEMBER.plus(3)}
    assert await rupiah(session, village.agent_id, NOVEMBER.plus(3)) == 25 * 20_520


async def test_events_that_arrive_again_change_nothing(session: AsyncSession) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    await apply_all(session, village)
    first = [line.id for line in await lines(session)]

    await apply_all(session, village)
    await apply_events(session, [*village.settled[:5], *village.answered], at_once=2)
    await compute(session)

    assert [line.id for line in await lines(session)] == first
    assert await counting.count_waits(session) == {}


async def test_every_line_says_why(session: AsyncSession) -> None:
    village = Village()
    (payment,) = village.enrol(1, NOVEMBER)

    await apply_all(session, village)

    jkk = next(
        line
        for line in await lines(session)
        if line.programme == "jkk" and line.rule is CommissionRule.CONTRIBUTION
    )
    assert (jkk.cause, jkk.base, jkk.rate_bps, jkk.parts) == (
        "contribution",
        10_000,
        1500,
        15_000_000,
    )
    assert (jkk.contribution_month, jkk.month_index) == (NOVEMBER, 1)
    assert (jkk.allocation_id, jkk.payment_id) == (payment.allocation_id, payment.payment_id)
    assert (jkk.entry_no, jkk.reason) == (1, None)
    assert (jkk.member_id, jkk.agent_id) == (payment.member_id, village.agent_id)
    assert jkk.scheme_id == (await scheme(session, Month(2022, 4))).id


async def test_indexes_begin_with_the_month_that_is_closed_and_with_the_allocation(
    session: AsyncSession,
) -> None:
    # Which index a plan takes depends on what the table holds; that there is one does not.
    indexes = (
        await session.scalars(
            text("SELECT indexdef FROM pg_indexes WHERE tablename = 'commission_lines'")
        )
    ).all()

    assert any("(booked_month" in each for each in indexes)
    assert any("UNIQUE" in each and "(allocation_id, cause" in each for each in indexes)
