"""Answers in any order, and the months they pay."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from payment_service_tests.village import Village, book, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers import service
from payment_service.answers.models import CoverageAnswer
from payment_service.bills import queries as bills
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month, list_months

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
Read = Callable[[], Awaitable[CoverageAnswer]]


@pytest.mark.parametrize("seed", range(4))
async def test_the_highest_number_stays_in_any_order(session: AsyncSession, seed: int) -> None:
    chance = random.Random(seed)
    village = Village()
    payment = village.settle(NOVEMBER, month_count=2)
    village.extend(payment, is_acquisition=False)
    village.decline(payment, answer_no=2)
    village.extend(payment, answer_no=3)
    last = village.withdraw(payment, [DECEMBER], answer_no=4)
    village.decline(village.settle(NOVEMBER), answer_no=9)
    chance.shuffle(village.answered)

    for start in range(0, len(village.answered), chance.choice([1, 2, 5])):
        await service.take_answers(session, village.answered[start : start + 5])
    again = await service.take_answers(session, village.answered)

    row = await session.get_one(CoverageAnswer, payment.allocation_id, populate_existing=True)
    assert (row.answer_no, row.outcome, row.months) == (4, "withdrawn", ["2025-11"])
    assert (row.withdrawn, row.first_month) == (["2025-12"], NOVEMBER)
    assert (row.agent_id, row.counts_at, row.is_acquisition) == (
        village.agent_id,
        last.counts_at,
        True,
    )
    assert again == []
    assert len((await session.scalars(select(CoverageAnswer))).all()) == 2


async def test_declined_and_withdrawn_months_are_not_paid(session: AsyncSession) -> None:
    village = Village()
    waiting = village.settle(NOVEMBER)
    member_id = waiting.member_id
    declined = village.settle(DECEMBER, member_id=member_id)
    partly = village.settle(Month(2026, 1), member_id=member_id, month_count=3)
    village.decline(declined)
    village.withdraw(partly, [Month(2026, 2), Month(2026, 3)])
    await book(session, village.settled)

    async def paid(since: datetime | None = None) -> list[Month]:
        found = await bills.list_paid_months(session, {member_id: since, new_id(): None})
        return found[member_id]

    before = await paid()
    await service.take_answers(session, village.answered)
    after = await paid()
    later = await paid(since=noon(DECEMBER))

    assert before == list(list_months(NOVEMBER, 5))
    assert after == [NOVEMBER, Month(2026, 1)]
    assert later == [Month(2026, 1)]
