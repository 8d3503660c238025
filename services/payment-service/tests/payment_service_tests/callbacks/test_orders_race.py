"""Orders of several bills, paid over two processes' worth of apps on one database."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from payment_service_tests.callbacks.conftest import IssueOrder, MakeMembers, OpenTown
from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy import select

from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.orders.schemas import IssuedOrderOut
from payment_service.payments.models import Payment
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.events.outbox import EventRow
from perisai_kit.testing.plugin import BusinessTime

pytestmark = pytest.mark.race
ISSUED = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(ISSUED)


async def pay_at_issue(bank: Bank, order: IssuedOrderOut) -> str:
    """Let the bank report a payment that was made when the order was issued; return the code."""
    at = order.issued_at.astimezone(JAKARTA).isoformat(timespec="seconds")
    answer = await bank.pay(payment_of(order, bank.partner, trxDateTime=at))
    code: str = answer.json()["responseCode"]
    return code


async def test_fifty_copies_of_one_callback_for_an_order_make_one_payment(
    open_town: OpenTown, make_members: MakeMembers, issue_order: IssueOrder
) -> None:
    town = await open_town()
    order = await issue_order(town.banks[0].client, make_members(5))
    message = payment_of(order, town.banks[0].partner)

    answers = await asyncio.gather(
        *(town.banks[place % 2].pay(message, number="4711") for place in range(50))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await town.count(Payment) == 1
    assert await town.count(EventRow, EventRow.type == "payment.settled.v1") == 5
    assert await town.verdicts() == {CallbackOutcome.SETTLED: 1, CallbackOutcome.REPEATED: 49}
    assert await town.faults() == []


async def test_orders_of_the_same_members_paid_at_once_pay_every_month_once(
    *,
    open_town: OpenTown,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    business_time: BusinessTime,
) -> None:
    town = await open_town()
    client = town.banks[0].client
    families = [make_members(6) for _ in range(6)]
    replaced = [await issue_order(client, members) for members in families]
    business_time.at(ISSUED + HOUR)
    newer = [await issue_order(client, members[::-1]) for members in families]
    business_time.at(ISSUED + 2 * HOUR)

    codes = await asyncio.gather(
        *(pay_at_issue(town.banks[0], order) for order in replaced),
        *(pay_at_issue(town.banks[1], order) for order in newer),
    )

    pairs = [sorted(pair) for pair in zip(codes[:6], codes[6:], strict=True)]
    assert pairs == [["2002500", "4042512"]] * 6
    assert await town.count(Payment) == 6
    async with town.database.read() as session:
        found = Counter(await session.scalars(select(Bill.status)))
    assert found[BillStatus.PAID] == 36
    assert found[BillStatus.VOID] + found[BillStatus.REPLACED] == 36
    assert await town.faults() == []
