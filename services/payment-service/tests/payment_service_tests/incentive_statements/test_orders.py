"""Facts that take earnings back, in every order with the closing of months: one total."""

from collections.abc import Awaitable, Callable
from fractions import Fraction
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payment_service_tests.incentive_statements.oracle import Oracle
from payment_service_tests.incentive_statements.small_scheme import THRESHOLD, add_scheme, earned
from payment_service_tests.month_closing import find_book_faults
from payment_service_tests.village import Village, apply_events, book, compute, noon
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements.models import Statement
from perisai_kit.domain.month import Month
from perisai_kit.events.envelope import Event

NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)
MONTHS = (NOVEMBER, DECEMBER, JANUARY)
Close = Callable[..., Awaitable[None]]
ORDERS = 200 if settings.get_current_profile_name() == "soak" else 2
Arrival = list[Event]
"""Events that arrive together, in this order."""


def live(village: Village, successor: Village) -> list[Arrival]:
    """Return what happens to five new members of November and those who take over.

    A settlement arrives with a first answer, since nothing is closed while it waits for one.
    """
    declined, withdrawn, corrected, moved, kept = village.enrol(5, NOVEMBER, month_count=2)
    extends = {each.allocation_id: each for each in village.answered}
    arrivals: list[Arrival] = [[each, extends[each.allocation_id]] for each in village.settled]
    arrivals += [
        [village.decline(declined)],
        [village.withdraw(withdrawn, [DECEMBER])],
        [village.withdraw(withdrawn, [NOVEMBER, DECEMBER], answer_no=3)],
        [village.extend(corrected, answer_no=2, is_acquisition=False)],
        [village.extend(corrected, answer_no=3, first_month=NOVEMBER.plus(-24))],
        [successor.extend(moved, answer_no=2)],
        [village.extend(kept, answer_no=2, counts_at=noon(DECEMBER, 1))],
        [village.suspend(noon(DECEMBER, 20))],
    ]
    handed_over = village.settle(DECEMBER, member_id=kept.member_id, paid_at=noon(DECEMBER, 28))
    arrivals.append([handed_over, successor.extend(handed_over, is_acquisition=False)])
    return arrivals


async def total(session: AsyncSession) -> dict[UUID, Fraction]:
    """Return the rupiah stated, with the rest of the last statement, by beneficiary."""
    rows = (await session.scalars(select(Statement).order_by(Statement.month))).all()
    last = {row.beneficiary_id: row for row in rows}
    return {
        id_: Fraction(
            sum(row.amount for row in rows if row.beneficiary_id == id_) * 10_000
            + row.total_parts % 10_000,
            10_000,
        )
        for id_, row in last.items()
    }


@given(
    order=st.permutations(range(14)),
    closings=st.lists(st.integers(0, 14), min_size=2, max_size=2).map(sorted),
    computed=st.sets(st.integers(0, 14)),
)
@settings(
    max_examples=ORDERS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_what_is_taken_back_comes_to_one_total_in_any_order_with_closings(
    session: AsyncSession,
    close: Close,
    order: list[int],
    closings: list[int],
    computed: set[int],
) -> None:
    village, successor = Village(), Village()
    arrivals = live(village, successor)
    oracle = Oracle(THRESHOLD)
    for event in [*village.decided, *successor.decided, *(e for each in arrivals for e in each)]:
        oracle.hear(event)

    async with session.begin_nested() as savepoint:
        await add_scheme(session)
        await book(session, village.settled)
        await apply_events(session, [*village.decided, *successor.decided])
        to_close = list(MONTHS)
        for place, index in enumerate(order):
            for _ in range(closings.count(place)):
                await compute(session)
                await close(to_close.pop(0))
            await apply_events(session, arrivals[index])
            if place in computed:
                await compute(session)
        await compute(session)
        for month in to_close:
            await close(month)

        assert await earned(session) == oracle.earned()
        totals = oracle.total(str(JANUARY))
        stated = await total(session)
        assert {id_: stated[id_] for id_ in totals} == totals
        assert not any(amount for id_, amount in stated.items() if id_ not in totals)
        # Answers here move the instant of an allocation, which the verification would report.
        assert await find_book_faults(session) == []
        await savepoint.rollback()


async def test_an_example_of_these_orders_takes_back_for_every_reason(
    session: AsyncSession, close: Close
) -> None:
    village, successor = Village(), Village()
    arrivals = live(village, successor)
    await add_scheme(session)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *successor.decided])
    for place, arrival in enumerate(arrivals):
        if place == 5:
            await compute(session)
            await close(NOVEMBER)
        await apply_events(session, arrival)
        await compute(session)

    taken_back = select(CommissionLine.reason, func.count()).where(CommissionLine.base < 0)
    found = dict((await session.execute(taken_back.group_by(CommissionLine.reason))).all())

    assert found.keys() == {
        "payment_declined",
        "month_withdrawn",
        "no_acquisition",
        "threshold_missed",
        "attribution_changed",
        "recomputed",
    }
    booked = text("SELECT DISTINCT booked_month FROM commission_lines WHERE base < 0")
    assert set(await session.scalars(booked)) == {str(DECEMBER)}
