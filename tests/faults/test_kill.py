"""Power cuts in the middle of payments: the bank repeats until it knows, and knows the truth."""

import asyncio
from collections import Counter

import pytest
from stage import books
from stage.customers import AT, Customer, PaymentReply, new_customers, pay_until_answered
from stage.processes import Platform
from stage.storm import came_back
from stage.waiting import until

pytestmark = pytest.mark.e2e
BEFORE = 4
AFTER = 4
"""Payments under way when the process dies, and payments begun while it is away."""


@pytest.mark.parametrize(
    "victims",
    [
        pytest.param(("gateway",), marks=pytest.mark.soak),
        pytest.param(("agent", "member"), marks=pytest.mark.soak),
        ("payment",),
        pytest.param(("postgres",), marks=pytest.mark.soak),
    ],
    ids="+".join,
)
async def test_killed_process_loses_no_payment_and_doubles_none(
    platform: Platform, victims: tuple[str, ...]
) -> None:
    with platform.business_time(AT):
        customers = await new_customers(platform, BEFORE + AFTER)
        killed: dict[str, int] = {}
        try:
            replies = await pay_through_a_kill(platform, victims, customers, killed)
        finally:  # the next test needs them too
            assert await until(lambda: came_back(platform, killed))

        assert [(each.outcome, each.code) for each in replies] == [("paid", "2002500")] * len(
            replies
        )
        assert await booked(platform, replies) == Counter(each.request_id for each in replies)
        assert await until(lambda: all_covered(platform, customers))
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []
    if "member" not in victims:  # without the others no payment can be taken
        assert max(each.times for each in replies) > 1


async def pay_through_a_kill(
    platform: Platform,
    victims: tuple[str, ...],
    customers: list[Customer],
    killed: dict[str, int],
) -> list[PaymentReply]:
    """Let the first pay at once, kill as soon as one has paid, and let the others pay then.

    killed: gets the processes that were killed, also if a payment fails.
    """
    async with platform.bank() as bank:

        def begin(chosen: list[Customer]) -> list[asyncio.Task[PaymentReply]]:
            return [
                asyncio.create_task(
                    pay_until_answered(
                        bank,
                        each,
                        new_external_ids=place % 2 == 0,
                        first_mode="drop_answer" if place % 4 > 1 else "ok",
                    )
                )
                for place, each in enumerate(chosen)
            ]

        first = begin(customers[:BEFORE])
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        killed |= {victim: platform.kill(victim) for victim in victims}
        return await asyncio.gather(*first, *begin(customers[BEFORE:]))


async def booked(platform: Platform, replies: list[PaymentReply]) -> Counter[str]:
    """Count the payments of the customers' orders by the bank's request id."""
    orders = [each.customer.order_id for each in replies]
    question = "SELECT payment_request_id FROM payments WHERE order_id = ANY($1::uuid[])"
    async with platform.database("payment") as connection:
        rows = await connection.fetch(question, orders)
    return Counter(row["payment_request_id"] for row in rows)


async def all_covered(platform: Platform, customers: list[Customer]) -> bool:
    async with platform.staff("officer1") as officer:
        found = [
            (await officer.get(f"/v1/members/{each.member_id}/coverage"))["cover"] == "covered"
            for each in customers
        ]
    return all(found)
