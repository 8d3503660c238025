"""Flags that come twice, in another order, or long after the bank gave up: one payment each."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from stage import books
from stage.customers import AT, Customer, bill_for, new_customer, new_customers
from stage.own_bank import OwnBank, own_bank
from stage.processes import Platform

from sandbox.fakebank.calls import Trouble
from sandbox.fakebank.journal import Call

pytestmark = pytest.mark.e2e
LATE_S = 3.0
"""How long a flag is on its way while the bank asks again and is answered."""
STALE = timedelta(hours=1)
"""Far more than any bank's clock may differ from ours."""
LOST = Trouble(drop_answer=True)
Pay = Callable[[OwnBank, Customer, str], Awaitable[list[Call]]]


async def copies_at_once(bank: OwnBank, customer: Customer, number: str) -> list[Call]:
    request_id, external_id = new_id(), f"{secrets.randbelow(10**30):030d}"
    same = (number, request_id, customer.amount)
    doubles = [bank.flag(*same, external_id=external_id) for _ in range(3)]
    again = [bank.flag(*same, advise=True) for _ in range(2)]
    return list(await asyncio.gather(*doubles, *again))


async def the_repeat_first(bank: OwnBank, customer: Customer, number: str) -> list[Call]:
    same = (number, new_id(), customer.amount)
    return [await bank.flag(*same, advise=True), await bank.flag(*same)]


async def an_answer_lost(bank: OwnBank, customer: Customer, number: str) -> list[Call]:
    same = (number, new_id(), customer.amount)
    await bank.flag(*same, trouble=LOST)
    return [await bank.flag(*same, advise=True)]


async def the_first_long_after_the_repeat(
    bank: OwnBank, customer: Customer, number: str
) -> list[Call]:
    same = (number, new_id(), customer.amount)
    on_its_way = asyncio.create_task(bank.flag(*same, trouble=Trouble(delay_s=LATE_S)))
    return [await bank.flag(*same, advise=True), await on_its_way]


async def a_question_after_the_payment(
    bank: OwnBank, customer: Customer, number: str
) -> list[Call]:
    paid = await bank.flag(number, new_id(), customer.amount)
    asked = await bank.inquire(number)
    assert asked.response_code == "4042414"
    return [paid]


WAYS: tuple[Pay, ...] = (
    copies_at_once,
    the_repeat_first,
    an_answer_lost,
    the_first_long_after_the_repeat,
    a_question_after_the_payment,
)


@pytest.mark.parametrize(
    "every",
    [pytest.param(2, id="few"), pytest.param(1, id="all", marks=pytest.mark.soak)],
)
async def test_flags_twice_lost_late_and_in_any_order_pay_once_at_every_bank(
    platform: Platform, every: int
) -> None:
    with platform.business_time(AT):
        (some, *_) = customers = await new_customers(platform, 1)
        # In a short run the banks take turns: each way at every second bank.
        ways = [
            (way, place)
            for number, way in enumerate(WAYS)
            for place in range(number % every, len(some.numbers), every)
        ]
        customers += await new_customers(platform, len(ways) - 1)
        async with own_bank(platform) as bank:
            heard = await asyncio.gather(
                *(
                    way(bank, each, each.numbers[place])
                    for each, (way, place) in zip(customers, ways, strict=True)
                )
            )

        readings = {
            (way.__name__, place): [call.reading for call in calls]
            for (way, place), calls in zip(ways, heard, strict=True)
        }
        assert {way: found for way, found in readings.items() if set(found) != {"paid"}} == {}
        assert await payments_of(platform, customers) == [1] * len(customers)
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []


async def test_fifty_copies_over_two_processes_are_one_payment_and_one_month(
    platform: Platform,
) -> None:
    with platform.business_time(AT), platform.another("payment") as second:
        (customer,) = await new_customers(platform, 1)
        addresses = [platform.address("payment"), second] * 25
        request_id, external_id = new_id(), f"{secrets.randbelow(10**30):030d}"
        async with own_bank(platform) as bank:
            heard = await asyncio.gather(
                *(
                    bank.flag(
                        customer.number,
                        request_id,
                        customer.amount,
                        external_id=external_id,
                        address=address,
                    )
                    for address in addresses
                )
            )

        assert [call.response_code for call in heard] == ["2002500"] * 50
        assert await payments_of(platform, [customer]) == [1]
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []
        async with platform.staff("officer1") as officer:
            cover = await officer.get(f"/v1/members/{customer.member_id}/coverage")
    assert [each["month"] for each in cover["months"]] == ["2026-11"]


async def test_money_paid_before_a_bill_was_replaced_counts_and_voids_the_newer_bill(
    platform: Platform,
) -> None:
    with platform.business_time(AT):
        async with platform.staff("officer1") as officer:
            november = await new_customer(officer)
            both = await bill_for(officer, november.member_id, "2026-11", 2)
        async with own_bank(platform) as bank:
            heard = [
                await bank.flag(each.number, new_id(), each.amount) for each in (november, both)
            ]

        # The bank's time of both payments is that of the first bill's issue.
        assert [call.reading for call in heard] == ["paid", "rejected"]
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []
        async with platform.staff("officer1") as officer:
            cover = await officer.get(f"/v1/members/{november.member_id}/coverage")
    assert [each["month"] for each in cover["months"]] == ["2026-11"]


async def test_flag_delivered_an_hour_late_moves_nothing(platform: Platform) -> None:
    with platform.business_time(AT):
        paid, reversed_ = await new_customers(platform, 2)
        async with own_bank(platform) as bank:
            request_id = new_id()
            number = bank.find_without_token(paid.numbers)
            await bank.flag(number, request_id, paid.amount, advise=True)
            repeated = await bank.deliver_late(number, request_id, paid.amount, late=STALE)
            other = bank.find_without_token(reversed_.numbers)
            unheard = await bank.deliver_late(other, new_id(), reversed_.amount, late=STALE)

        # What we hold is confirmed however late; nothing is booked from an old message.
        assert (repeated, unheard) == ("2002500", "4012500")
        assert await payments_of(platform, [paid, reversed_]) == [1, 0]
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []


def new_id() -> str:
    return f"stage-{secrets.token_hex(10)}"


async def payments_of(platform: Platform, customers: list[Customer]) -> list[int]:
    """Count the payments of each customer's order."""
    orders = [each.order_id for each in customers]
    question = "SELECT order_id FROM payments WHERE order_id = ANY($1::uuid[])"
    async with platform.database("payment") as connection:
        counted = Counter(str(row["order_id"]) for row in await connection.fetch(question, orders))
    return [counted[each] for each in orders]
