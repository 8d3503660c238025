"""What the two feeds come to: every published figure, and whatever order the feeds have."""

import random
from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service
from payment_service.commissions.models import CommissionLine
from payment_service.commissions.rules import CommissionRule
from payment_service.counting import service as counting
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import PARTS
from payment_service.schemes.service import Applied
from payment_service.testing_commissions import (
    FULL,
    RELIEVED,
    TWO,
    Earned,
    Prices,
    Village,
    noon,
    recompute,
    settled,
)
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled

NOVEMBER = Month(2025, 11)
Told = MemberAttributed | PaymentSettled


async def tell(session: AsyncSession, events: Sequence[Told], *, at_once: int = 500) -> None:
    """Tell events in this order, as runs of one feed each."""
    run: list[Told] = []
    for event in [*events, None]:
        if run and (event is None or type(event) is not type(run[0]) or len(run) == at_once):
            if isinstance(run[0], MemberAttributed):
                await service.take_attributions(session, run)  # type: ignore[arg-type]  # of one
            else:
                await service.take_payments(session, run)  # type: ignore[arg-type]  # kind
            run = []
        if event is not None:
            run.append(event)


async def tell_of(session: AsyncSession, village: Village) -> None:
    await tell(session, [*village.attributed, *village.settled])


async def rupiah(session: AsyncSession, beneficiary_id: UUID, month: Month = NOVEMBER) -> Fraction:
    sums = await service.sum_month(session, beneficiary_id, month)
    return Fraction(sums.parts, PARTS)


async def lines(session: AsyncSession) -> Sequence[CommissionLine]:
    found = await session.scalars(select(CommissionLine).order_by(CommissionLine.id))
    return found.all()


async def earned(session: AsyncSession) -> Earned:
    rows = await session.execute(
        select(
            CommissionLine.beneficiary_id,
            CommissionLine.earned_month,
            func.sum(CommissionLine.parts),
        ).group_by(CommissionLine.beneficiary_id, CommissionLine.earned_month)
    )
    return {(who, month): Fraction(int(parts), PARTS) for who, month, parts in rows}


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

    await tell_of(session, village)

    assert await rupiah(session, village.agent_id) == agent
    assert await rupiah(session, village.wadah_id) == Fraction(agent, 10)


@pytest.mark.parametrize(("count", "agent"), [(30, 74_520), (50, 574_200), (100, 698_400)])
async def test_the_same_month_under_the_2018_scheme(
    session: AsyncSession, count: int, agent: int
) -> None:
    village = Village()
    village.enrol(count, NOVEMBER)
    await tell_of(session, village)

    sums = await service.sum_under(
        session, await scheme(session, Month(2017, 1)), agent_id=village.agent_id, month=NOVEMBER
    )

    assert sums.parts == agent * PARTS


async def scheme(session: AsyncSession, first_month: Month) -> Applied:
    return next(each for each in await schemes.approved(session) if each.first_month == first_month)


async def test_a_month_before_april_2022_earns_by_the_2018_scheme(session: AsyncSession) -> None:
    month = Month(2022, 3)
    village = Village()
    village.enrol(51, month)

    await tell(session, [*village.attributed, *village.settled], at_once=7)

    found = await lines(session)
    fixed = [line for line in found if line.rule is CommissionRule.ACQUISITION]
    assert {line.scheme_id for line in found} == {(await scheme(session, Month(2017, 1))).id}
    assert [(line.base, line.rate_bps) for line in fixed] == [(500_000, 9_000), (500_000, 1_000)]
    assert await rupiah(session, village.agent_id, month) == Fraction(
        9 * (51 * 2_760 + 500_000), 10
    )


async def test_the_25th_new_member_earns_for_the_24_before(session: AsyncSession) -> None:
    village = Village()
    village.enrol(26, NOVEMBER)
    await tell(session, [*village.attributed, *village.settled[:24]], at_once=1)

    before = await rupiah(session, village.agent_id)
    await tell(session, village.settled[24:25])
    reached = await rupiah(session, village.agent_id)
    await tell(session, village.settled[25:])

    assert before == 24 * 5_520
    assert reached == 25 * 20_520
    assert await rupiah(session, village.agent_id) == 26 * 20_520


async def test_each_month_has_its_own_threshold(session: AsyncSession) -> None:
    village = Village()
    village.enrol(24, NOVEMBER)
    village.enrol(25, NOVEMBER.plus(1))

    await tell_of(session, village)

    assert await rupiah(session, village.agent_id) == 24 * 5_520
    assert await rupiah(session, village.agent_id, NOVEMBER.plus(1)) == 25 * 20_520


@pytest.mark.parametrize(("months_on", "rate_bps"), [(23, 1500), (24, 500), (59, 500), (60, 0)])
async def test_contributions_earn_15_percent_for_24_months_then_5_until_60(
    session: AsyncSession, months_on: int, rate_bps: int
) -> None:
    village = Village()
    care = village.attribute(NOVEMBER, new_to_bpu=False)
    village.settle(care, first_month=NOVEMBER.plus(months_on))

    await tell_of(session, village)

    month = NOVEMBER.plus(months_on)
    assert await rupiah(session, village.agent_id, month) == Fraction(36_800 * rate_bps, PARTS)


async def test_twelve_months_at_once_earn_in_the_month_of_payment(session: AsyncSession) -> None:
    village = Village()
    care = village.attribute(NOVEMBER.plus(-18), new_to_bpu=False)
    village.settle(care, first_month=NOVEMBER, month_count=12, paid_at=noon(NOVEMBER))

    await tell_of(session, village)

    own = [line for line in await lines(session) if line.rule is CommissionRule.CONTRIBUTION]
    assert {line.earned_month for line in own} == {NOVEMBER}
    assert [line.month_index for line in own[::3]] == list(range(19, 31))
    assert await rupiah(session, village.agent_id) == 6 * 5_520 + 6 * 1_840


async def test_a_new_member_counts_once_ever(session: AsyncSession) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    for care in village.attributed:
        village.settle(care, first_month=NOVEMBER.plus(1), paid_at=noon(NOVEMBER.plus(1)))

    await tell_of(session, village)

    assert await rupiah(session, village.agent_id, NOVEMBER.plus(1)) == 25 * 5_520


async def test_a_member_who_was_in_bpu_before_is_not_new(session: AsyncSession) -> None:
    village = Village()
    village.enrol(24, NOVEMBER)
    village.enrol(10, NOVEMBER, new_to_bpu=False)

    await tell_of(session, village)

    assert await rupiah(session, village.agent_id) == 34 * 5_520


async def test_a_member_who_has_paid_without_an_agent_is_not_new(session: AsyncSession) -> None:
    village = Village()
    cares = [village.attribute(NOVEMBER) for _ in range(25)]
    alone = [
        settled(each.member_id, paid_at=noon(NOVEMBER, 1), months=[NOVEMBER]) for each in cares
    ]
    for care in cares:
        village.settle(care, first_month=NOVEMBER.plus(1), paid_at=noon(NOVEMBER, 20))

    await tell(session, [*village.attributed, *alone, *village.settled])

    assert await rupiah(session, village.agent_id) == 25 * 5_520


async def test_payments_without_an_agent_earn_nothing_and_wait_for_nobody(
    session: AsyncSession,
) -> None:
    nobody = settled(new_id(), paid_at=noon(NOVEMBER), months=[NOVEMBER])
    left = nobody.model_copy(update={"payment_id": new_id(), "attribution_id": new_id()})

    await tell(session, [nobody, left])

    assert await lines(session) == []
    assert await counting.count_waits(session) == {}


async def test_a_payment_waits_for_its_attribution_and_is_computed_when_it_comes(
    session: AsyncSession,
) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)

    await tell(session, village.settled)
    waiting = await counting.count_waits(session, agent_id=village.agent_id)
    await tell(session, village.attributed[:10])
    left = await counting.count_waits(session)
    await tell(session, village.attributed[10:])

    assert waiting == {NOVEMBER: 25}
    assert left == {NOVEMBER: 15}
    assert await counting.count_waits(session) == {}
    assert await rupiah(session, village.agent_id) == 25 * 20_520


async def test_the_first_payment_counts_though_its_attribution_comes_last(
    session: AsyncSession,
) -> None:
    first, second = Village(), Village()
    old = first.attribute(NOVEMBER)
    new = second.attribute(NOVEMBER, member_id=old.member_id)
    paid_first = first.settle(old)
    paid_then = second.settle(new, first_month=NOVEMBER.plus(1), paid_at=noon(NOVEMBER, 20))

    await tell(session, [paid_first, new, paid_then, old])

    pairs = [(first.agent_id, NOVEMBER), (second.agent_id, NOVEMBER)]
    counts = await counting.count_new_members(session, pairs)
    assert {agent_id: each.count for (agent_id, _), each in counts.items()} == {first.agent_id: 1}


async def test_another_agent_goes_on_counting_from_the_first(session: AsyncSession) -> None:
    first, second = Village(), Village()
    old = first.attribute(NOVEMBER.plus(-24))
    care = second.attribute(NOVEMBER, member_id=old.member_id)
    second.settle(care)

    await tell(session, [old, care, *second.settled])

    assert {line.month_index for line in await lines(session)} == {25}
    assert await rupiah(session, second.agent_id) == Fraction(36_800, 20)


async def test_the_month_is_the_jakarta_month_of_the_bank_s_time(session: AsyncSession) -> None:
    village = Village()
    care = village.attribute(NOVEMBER, new_to_bpu=False)
    last = noon(NOVEMBER, 30).replace(hour=23, minute=59, second=59)
    village.settle(care, paid_at=last)
    village.settle(
        care, first_month=NOVEMBER.plus(1), paid_at=noon(NOVEMBER.plus(1), 1).replace(hour=0)
    )

    await tell_of(session, village)

    assert await rupiah(session, village.agent_id) == 5_520
    assert await rupiah(session, village.agent_id, NOVEMBER.plus(1)) == 5_520


async def test_money_for_a_closed_month_earns_in_the_next(session: AsyncSession) -> None:
    village = Village()
    care = village.attribute(NOVEMBER, new_to_bpu=False)
    village.settle(care)
    await counting.close_through(session, NOVEMBER.plus(2))

    await tell_of(session, village)

    assert {line.earned_month for line in await lines(session)} == {NOVEMBER.plus(3)}


async def test_what_is_told_again_changes_nothing(session: AsyncSession) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    await tell_of(session, village)
    first = {line.key: line.parts for line in await lines(session)}

    await tell_of(session, village)
    await tell(session, [*village.settled[:5], *village.attributed], at_once=2)

    assert {line.key: line.parts for line in await lines(session)} == first
    assert await counting.count_waits(session) == {}


async def test_every_line_says_why(session: AsyncSession) -> None:
    village = Village()
    (payment,) = village.enrol(1, NOVEMBER)

    await tell_of(session, village)

    jkk = next(line for line in await lines(session) if line.programme == "jkk")
    assert (jkk.rule, jkk.base, jkk.rate_bps, jkk.parts) == (
        "contribution",
        10_000,
        1500,
        15_000_000,
    )
    assert (jkk.contribution_month, jkk.month_index) == (NOVEMBER, 1)
    assert (jkk.payment_id, jkk.attribution_id) == (payment.payment_id, payment.attribution_id)
    assert (jkk.member_id, jkk.agent_id) == (payment.member_id, village.agent_id)
    assert jkk.scheme_id == (await scheme(session, Month(2022, 4))).id


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 10))]
)
async def test_no_order_of_the_feeds_changes_what_is_earned(
    session: AsyncSession, seed: int
) -> None:
    chance = random.Random(seed)
    villages = some_villages(chance)
    attributed = [event for each in villages for event in each.attributed]
    paid = [event for each in villages for event in each.settled]
    chance.shuffle(paid)

    await tell(session, merged(chance, attributed, paid), at_once=chance.choice([1, 3, 40]))

    assert await earned(session) == recompute(attributed, paid)
    assert await counting.count_waits(session) == {}


def some_villages(chance: random.Random) -> list[Village]:
    """Three agents of two wadahs around the threshold, with members who move and pay ahead."""
    wadahs = [new_id(), new_id()]
    villages = [Village(wadah_id=chance.choice(wadahs)) for _ in range(3)]
    for village in villages:
        for month in (NOVEMBER, NOVEMBER.plus(1)):
            village.enrol(chance.choice([3, 24, 25, 26]), month, prices=chance.choice([FULL, TWO]))
        for care in chance.sample(village.attributed, 3):
            village.settle(
                care,
                first_month=care.from_month.plus(chance.choice([1, 23, 24, 60])),
                month_count=2,
            )
    mover = villages[0].attributed[0]
    moved = villages[1].attribute(mover.from_month.plus(20), member_id=mover.member_id)
    villages[1].settle(moved, month_count=12)
    return villages


def merged(chance: random.Random, one: Sequence[Told], other: Sequence[Told]) -> list[Told]:
    """Merge two feeds at random, each in its own order."""
    feeds = [list(one), list(other)]
    told: list[Told] = []
    while any(feeds):
        feed = chance.choice([each for each in feeds if each])
        told.append(feed.pop(0))
    return told


async def test_an_index_begins_with_the_month_that_is_closed(session: AsyncSession) -> None:
    # Which index a plan takes depends on what the table holds; that there is one does not.
    indexes = await session.scalars(
        text("SELECT indexdef FROM pg_indexes WHERE tablename = 'commission_lines'")
    )

    assert any("(earned_month" in each for each in indexes)
