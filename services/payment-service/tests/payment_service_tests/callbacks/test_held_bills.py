"""A bill that somebody else holds keeps no flag of another bill from being booked in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from payment_service_tests.callbacks.counters import (
    Counter,
    OpenCounter,
    OwnDatabase,
    codes,
)
from sqlalchemy import select

from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.schemas import Message
from payment_service.callbacks.writer import BOOK_WITHIN_S
from snap_bi.answers import Answer

UNSTORABLE = "4711\x00"
"""As in test_writer."""


@asynccontextmanager
async def hold(counter: Counter, bills: Sequence[BillOut]) -> AsyncIterator[None]:
    """Lock bills on another connection."""
    ids: list[UUID] = [bill.id for bill in bills]
    async with counter.database.begin() as session:
        await session.execute(select(Bill.id).where(Bill.id.in_(ids)).with_for_update())
        yield


async def take_at_once(
    counter: Counter, flags: Sequence[Message]
) -> tuple[list[Answer | BaseException], list[float]]:
    """Hand flags to one writer as one batch; return the answers and how long each took."""
    begun = time.monotonic()

    async def take(flag: Message) -> tuple[Answer | BaseException, float]:
        (answer,) = await asyncio.gather(counter.writers[0].take(flag), return_exceptions=True)
        return answer, time.monotonic() - begun

    found = await asyncio.gather(*map(take, flags))
    return [answer for answer, _ in found], [taken_s for _, taken_s in found]


@pytest.mark.parametrize("places", [(0,), (3,), (1, 2, 4)])
async def test_the_free_flags_of_a_batch_are_booked_although_others_are_held(
    open_counter: OpenCounter, own_database: OwnDatabase, places: tuple[int, ...]
) -> None:
    async with open_counter(own_database("payment"), bills=6) as counter:
        flags = [counter.flag(bill) for bill in counter.bills]

        async with hold(counter, [counter.bills[place] for place in places]):
            answers, taken_s = await take_at_once(counter, flags)

        wanted = ["in doubt" if place in places else "2002500" for place in range(6)]
        assert codes(answers) == wanted
        free_s = [each for place, each in enumerate(taken_s) if place not in places]
        assert max(free_s) < BOOK_WITHIN_S
        assert await counter.paid() == 6 - len(places)
        again, _ = await take_at_once(counter, flags)
        assert set(codes(again)) == {"2002500"}
        assert await counter.paid() == 6


async def test_a_held_flag_is_booked_when_its_bill_is_free_in_time(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=6) as counter:
        flags = [counter.flag(bill) for bill in counter.bills]

        async with hold(counter, counter.bills[:2]):
            taking = asyncio.create_task(take_at_once(counter, flags))
            await asyncio.sleep(2.5)  # the batch has waited in vain
        answers, _ = await taking

        assert codes(answers) == ["2002500"] * 6
        assert await counter.paid() == 6


async def test_of_the_free_flags_one_that_spoils_them_is_in_doubt_alone(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=6) as counter:
        flags = [
            counter.flag(bill, number=UNSTORABLE if place == 4 else None)
            for place, bill in enumerate(counter.bills)
        ]

        async with hold(counter, counter.bills[:1]):
            answers, _ = await take_at_once(counter, flags)

        assert codes(answers) == ["in doubt", *["2002500"] * 3, "in doubt", "2002500"]
        assert await counter.paid() == 4
