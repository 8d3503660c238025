"""Late reports that change the past: opposite lines, in the month or in the first open one."""

from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

import pytest
from payment_service_tests.village import (
    FULL,
    TWO,
    Village,
    apply_all,
    apply_events,
    book,
    compute,
    noon,
)
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine
from payment_service.commissions.rules import CommissionRule, CorrectionReason
from payment_service.counting import service as counting
from payment_service.counting.rules import NewMembers
from payment_service.schemes.rules import PARTS
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.envelope import Event

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)


async def rupiah(
    session: AsyncSession, beneficiary_id: UUID, month: Month | None = None
) -> Fraction:
    """Return what is booked for a beneficiary, in all or in one month."""
    summed = select(func.coalesce(func.sum(CommissionLine.parts), 0)).where(
        CommissionLine.beneficiary_id == beneficiary_id
    )
    if month is not None:
        summed = summed.where(CommissionLine.booked_month == month)
    return Fraction(int((await session.scalars(summed)).one()), PARTS)


async def opposites(session: AsyncSession) -> Sequence[CommissionLine]:
    taken_back = select(CommissionLine).where(CommissionLine.base < 0)
    return (await session.scalars(taken_back.order_by(CommissionLine.id))).all()


async def reasons(session: AsyncSession) -> set[str | None]:
    return {line.reason for line in await opposites(session)}


async def learn(session: AsyncSession, *events: Event) -> None:
    await apply_events(session, events)
    await compute(session)


async def close_november(session: AsyncSession) -> None:
    await counting.begin_closing(session, await counting.lock_months(session), NOVEMBER)
    await counting.end_closing(session)


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
async def test_a_payment_declined_later_is_taken_back(session: AsyncSession, closed: bool) -> None:
    village = Village()
    payment = village.pay(NOVEMBER, is_acquisition=False)
    await apply_all(session, village)
    if closed:
        await close_november(session)

    await learn(session, village.decline(payment))

    found = await opposites(session)
    assert {line.reason for line in found} == {CorrectionReason.PAYMENT_DECLINED}
    assert {line.earned_month for line in found} == {NOVEMBER}
    assert {line.booked_month for line in found} == {DECEMBER if closed else NOVEMBER}
    assert len(found) == 6
    booked_in = DECEMBER if closed else NOVEMBER
    assert await rupiah(session, village.agent_id, booked_in) == (-5_520 if closed else 0)
    assert await rupiah(session, village.agent_id) == await rupiah(session, village.wadah_id) == 0


async def test_what_was_declined_never_earns_again_although_a_later_answer_extends_it(
    session: AsyncSession,
) -> None:
    # member-service may still answer before it reads that the allocation was taken back.
    village = Village()
    payment = village.pay(NOVEMBER, is_acquisition=False)
    await apply_all(session, village)

    await learn(session, village.decline(payment, answer_no=2))
    await learn(session, village.extend(payment, answer_no=3, is_acquisition=False))

    assert len(await opposites(session)) == 6
    assert await rupiah(session, village.agent_id) == await rupiah(session, village.wadah_id) == 0


async def test_a_withdrawn_month_alone_is_taken_back(session: AsyncSession) -> None:
    village = Village()
    payment = village.pay(NOVEMBER, month_count=3, is_acquisition=False)
    await apply_all(session, village)

    await learn(session, village.withdraw(payment, [Month(2026, 1)], is_acquisition=False))

    assert await rupiah(session, village.agent_id) == 2 * 5_520
    assert await reasons(session) == {CorrectionReason.MONTH_WITHDRAWN}
    assert {line.contribution_month for line in await opposites(session)} == {Month(2026, 1)}


async def test_another_agent_in_a_later_answer_earns_instead(session: AsyncSession) -> None:
    village, successor = Village(), Village()
    payment = village.pay(NOVEMBER, is_acquisition=False)
    await apply_all(session, village)
    await close_november(session)

    await apply_events(session, successor.decided)
    await learn(session, successor.extend(payment, answer_no=2, is_acquisition=False))

    assert await rupiah(session, village.agent_id, NOVEMBER) == 5_520
    assert await rupiah(session, village.agent_id, DECEMBER) == -5_520
    assert await rupiah(session, village.wadah_id) == 0
    assert await rupiah(session, successor.agent_id, DECEMBER) == 5_520
    assert await rupiah(session, successor.wadah_id, DECEMBER) == 552
    assert await reasons(session) == {CorrectionReason.ATTRIBUTION_CHANGED}


@pytest.mark.parametrize(("day", "amount"), [(9, 0), (10, 5_520), (11, 5_520)])
async def test_a_late_report_of_a_suspension_takes_back_from_the_day_after(
    session: AsyncSession, day: int, amount: int
) -> None:
    village = Village()
    village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 10), is_acquisition=False)
    await apply_all(session, village)

    await learn(session, village.suspend(noon(NOVEMBER, day)))

    assert await rupiah(session, village.agent_id) == amount
    assert await reasons(session) == (set() if amount else {CorrectionReason.AGENT_NOT_AT_WORK})


async def test_a_reinstatement_that_arrives_first_leaves_nothing_to_take_back(
    session: AsyncSession,
) -> None:
    village = Village()
    village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 10), is_acquisition=False)
    reinstated = village.reinstate(noon(NOVEMBER, 10).replace(hour=23))
    await apply_events(session, [reinstated])
    await apply_all(session, village)

    await learn(session, village.suspend(noon(NOVEMBER, 5)))

    assert await rupiah(session, village.agent_id) == 5_520
    assert await opposites(session) == []


async def test_a_suspension_taken_out_again_books_the_lines_anew(session: AsyncSession) -> None:
    village = Village()
    village.pay(NOVEMBER, paid_at=noon(NOVEMBER, 10), is_acquisition=False)
    await apply_all(session, village)
    await learn(session, village.suspend(noon(NOVEMBER, 5)))
    before = await rupiah(session, village.agent_id)
    await close_november(session)

    await learn(session, village.reinstate(noon(NOVEMBER, 8)))

    assert before == 0
    assert await rupiah(session, village.agent_id, DECEMBER) == 5_520
    assert {line.entry_no for line in await opposites(session)} == {2}


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
async def test_a_threshold_missed_later_takes_all_acquisitions_back_and_again(
    session: AsyncSession, closed: bool
) -> None:
    village = Village()
    payments = village.enrol(25, NOVEMBER)
    await apply_all(session, village)
    if closed:
        await close_november(session)

    lost = village.extend(payments[3], answer_no=2, is_acquisition=False)
    await learn(session, lost)
    missed = await rupiah(session, village.agent_id)
    why = await reasons(session)
    booked = {line.booked_month for line in await opposites(session)}
    late = village.pay(NOVEMBER, prices=TWO)
    await book(session, [late])
    await learn(session, late, village.answered[-1])

    assert missed == 25 * 5_520
    assert why == {CorrectionReason.THRESHOLD_MISSED, CorrectionReason.NO_ACQUISITION}
    assert booked == {DECEMBER if closed else NOVEMBER}
    assert await rupiah(session, village.agent_id) == 24 * 20_520 + 5_520 + 2_520 + 10_000
    assert await rupiah(session, village.wadah_id) * 10 == await rupiah(session, village.agent_id)
    assert await counting.count_new_members(session, village.agent_id, NOVEMBER) == NewMembers(
        25, 25
    )


async def test_an_acquisition_moves_with_the_instant_from_which_it_counts(
    session: AsyncSession,
) -> None:
    village = Village()
    payments = village.enrol(25, NOVEMBER)
    village.enrol(24, DECEMBER)
    await apply_all(session, village)

    await learn(session, village.extend(payments[0], answer_no=2, counts_at=noon(DECEMBER, 1)))

    assert await rupiah(session, village.agent_id, NOVEMBER) == 24 * 5_520
    assert await rupiah(session, village.agent_id, DECEMBER) == 25 * 20_520
    assert CorrectionReason.RECOMPUTED in await reasons(session)


async def test_a_suspended_agent_s_acquisitions_count_for_nobody(session: AsyncSession) -> None:
    village = Village()
    village.enrol(20, NOVEMBER, paid_at=noon(NOVEMBER, 3))
    village.enrol(5, NOVEMBER, paid_at=noon(NOVEMBER, 20))
    await apply_all(session, village)
    before = await rupiah(session, village.agent_id)

    await learn(session, village.suspend(noon(NOVEMBER, 10)))

    assert before == 25 * 20_520
    assert await rupiah(session, village.agent_id) == 20 * 5_520


async def test_another_first_month_changes_the_rate(session: AsyncSession) -> None:
    village = Village()
    payment = village.pay(NOVEMBER, is_acquisition=False)
    await apply_all(session, village)
    earlier = NOVEMBER.plus(-24)

    await learn(
        session,
        village.extend(payment, answer_no=2, first_month=earlier, is_acquisition=False),
    )

    assert await rupiah(session, village.agent_id) == 1_840
    assert await reasons(session) == {CorrectionReason.RECOMPUTED}


async def test_an_older_answer_changes_nothing(session: AsyncSession) -> None:
    village = Village()
    payment = village.pay(NOVEMBER, answer_no=3, is_acquisition=False)
    await apply_all(session, village)

    await learn(session, village.decline(payment, answer_no=2))

    assert await opposites(session) == []


async def test_a_payment_with_a_new_answer_waits_with_its_old_lines_standing(
    session: AsyncSession,
) -> None:
    village = Village()
    payments = village.enrol(25, NOVEMBER)
    await apply_all(session, village)
    later = noon(DECEMBER, 1)
    await apply_events(session, [village.extend(payments[0], answer_no=2, counts_at=later)])
    late = village.pay(NOVEMBER, prices=FULL)
    await book(session, [late])
    await apply_events(session, [late, village.answered[-1]])

    await compute(session, until=noon(NOVEMBER, 20))
    waiting = await counting.count_waits(session)
    before = await rupiah(session, village.agent_id)
    await compute(session)

    assert list(waiting) == [DECEMBER]
    assert before == 26 * 20_520
    assert await rupiah(session, village.agent_id, NOVEMBER) == 25 * 20_520
    assert await rupiah(session, village.agent_id, DECEMBER) == 5_520


async def test_a_wadah_in_a_later_answer_gets_the_override_instead(session: AsyncSession) -> None:
    village = Village()
    payment = village.pay(NOVEMBER, is_acquisition=False)
    await apply_all(session, village)
    other = new_id()

    await learn(session, village.extend(payment, answer_no=2, wadah_id=other, is_acquisition=False))

    assert await rupiah(session, village.agent_id) == 5_520
    assert await rupiah(session, village.wadah_id) == 0
    assert await rupiah(session, other) == 552
    assert {line.rule for line in await opposites(session)} == {CommissionRule.OVERRIDE}
