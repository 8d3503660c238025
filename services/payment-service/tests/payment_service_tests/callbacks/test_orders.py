"""Orders of several bills: one payment for a family, or for a sponsor's list."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payment_service_tests.callbacks.conftest import (
    Booked,
    IssueOrder,
    MakeFlag,
    MakeMembers,
    Take,
)
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import AllocationReason
from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.ledger.models import Transfer
from payment_service.orders.schemas import IssuedOrderOut
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Tokens

ISSUED = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOVEMBER = Month(2026, 11)
SETTLED, CANCELLED, WRONG_AMOUNT = "2002500", "4042512", "4042513"
PAID, ENDED = "4042514", "4042519"
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))

MakeBank = Callable[..., Awaitable[Bank]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(ISSUED)


def jakarta(at: datetime) -> str:
    return at.astimezone(JAKARTA).isoformat(timespec="seconds")


async def pay(
    bank: Bank, order: IssuedOrderOut, *, paid_at: datetime | None = None, amount: int | None = None
) -> str:
    """Let the bank report a payment of an order, by default made now; return the code."""
    message = payment_of(order, bank.partner, amount=amount)
    if paid_at is not None:
        message["trxDateTime"] = jakarta(paid_at)
    code: str = (await bank.pay(message)).json()["responseCode"]
    return code


async def statuses(session: AsyncSession, order: IssuedOrderOut) -> list[BillStatus]:
    """Return the statuses of an order's bills, in the order they were asked for."""
    query = select(Bill.status).where(Bill.order_id == order.id).order_by(Bill.id)
    return list(await session.scalars(query))


async def uses(
    session: AsyncSession, order: IssuedOrderOut
) -> list[tuple[object, int, AllocationReason | None]]:
    """Return what the payment of an order was used for: bill, amount and why it is in suspense."""
    query = (
        select(Allocation)
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(Payment.order_id == order.id)
        .order_by(Allocation.id)
    )
    return [(each.bill_id, each.amount, each.reason) for each in await session.scalars(query)]


@pytest.mark.parametrize("count", [1, 3, 100])
async def test_one_payment_settles_every_bill_of_an_order(
    *,
    bank: Bank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    booked: Booked,
    published: Published,
    count: int,
) -> None:
    members = make_members(count)
    order = await issue_order(bank.client, members, month_count=2)

    asked = await bank.inquire(inquiry_of(order, bank.partner))
    code = await pay(bank, order)

    shown = asked.json()["virtualAccountData"]
    assert shown["virtualAccountName"] == "Keluarga Aminah"
    assert shown["totalAmount"]["value"] == f"{order.amount}.00"
    assert code == SETTLED
    (payment,) = await booked()
    assert (payment.order_id, payment.amount) == (order.id, count * 56_800)
    assert await uses(session, order) == [(each.id, 56_800, None) for each in order.bills]
    assert await statuses(session, order) == [BillStatus.PAID] * count
    settled = [data for kind, data in await published(session) if kind == "payment.settled.v1"]
    assert [each["member_id"] for each in settled] == [str(each.member_id) for each in members]
    assert len({each["allocation_id"] for each in settled}) == count
    assert {each["payment_id"] for each in settled} == {str(payment.id)}
    transfers = select(func.count(), func.sum(Transfer.amount))
    assert (await session.execute(transfers)).one() == (count * 2 * 3, order.amount)
    assert await checks.find_faults(session) == []


async def test_a_paid_order_is_paid_and_takes_no_second_payment(
    bank: Bank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    booked: Booked,
) -> None:
    order = await issue_order(bank.client, make_members(3))

    codes = [await pay(bank, order), await pay(bank, order)]
    asked = await bank.inquire(inquiry_of(order, bank.partner))

    assert codes == [SETTLED, PAID]
    assert asked.json()["responseCode"] == "4042414"
    assert len(await booked()) == 1


async def test_an_order_takes_its_whole_amount_alone_also_when_a_bill_was_cancelled(
    bank: Bank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
) -> None:
    order = await issue_order(bank.client, make_members(3))
    one = order.amount // 3
    wrong = [await pay(bank, order, amount=amount) for amount in (1, 2 * one, order.amount + 1)]
    await bills.cancel(session, ADMIN, order.bills[1].id, reason=VoidReason.MEMBER_REQUEST)

    asked = await bank.inquire(inquiry_of(order, bank.partner))
    rest = await pay(bank, order, amount=2 * one)
    whole = await pay(bank, order)

    assert wrong == [WRONG_AMOUNT] * 3
    shown = asked.json()["virtualAccountData"]["totalAmount"]["value"]
    assert (shown, rest, whole) == (f"{order.amount}.00", WRONG_AMOUNT, SETTLED)
    first, second, third = order.bills
    assert await uses(session, order) == [
        (first.id, one, None),
        (second.id, one, AllocationReason.BILL_VOID),
        (third.id, one, None),
    ]
    assert await statuses(session, order) == [BillStatus.PAID, BillStatus.VOID, BillStatus.PAID]
    assert await checks.find_faults(session) == []


async def test_money_for_a_bill_that_a_later_order_replaced_before_is_kept_and_the_others_paid(
    *,
    bank: Bank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    business_time: BusinessTime,
    published: Published,
) -> None:
    mother, child, neighbour = make_members(3)
    family = await issue_order(bank.client, [mother, child])
    business_time.at(ISSUED + HOUR)
    village = await issue_order(bank.client, [child, neighbour])
    business_time.at(ISSUED + 2 * HOUR)

    codes = [await pay(bank, family), await pay(bank, village)]

    assert village.replaced_bill_ids == [family.bills[1].id]
    assert codes == [SETTLED, SETTLED]
    assert await uses(session, family) == [
        (family.bills[0].id, 28_400, None),
        (family.bills[1].id, 28_400, AllocationReason.BILL_REPLACED),
    ]
    assert await statuses(session, family) == [BillStatus.PAID, BillStatus.REPLACED]
    assert await statuses(session, village) == [BillStatus.PAID, BillStatus.PAID]
    settled = [data for kind, data in await published(session) if kind == "payment.settled.v1"]
    assert {each["bill_id"] for each in settled} == {
        str(each.id) for each in (family.bills[0], *village.bills)
    }
    assert await checks.find_faults(session) == []


@pytest.mark.parametrize("is_one_batch", [False, True])
async def test_paid_in_time_and_reported_late_a_replaced_bill_counts_and_voids_the_later_orders(
    *,
    bank: Bank,
    flag: MakeFlag,
    take: Take,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    business_time: BusinessTime,
    is_one_batch: bool,
) -> None:
    mother, child, neighbour = make_members(3)
    family = await issue_order(bank.client, [mother, child])
    business_time.at(ISSUED + HOUR)
    village = await issue_order(bank.client, [child, neighbour])
    business_time.at(ISSUED + 2 * HOUR)
    late = payment_of(family, bank.partner, trxDateTime=jakarta(ISSUED + HOUR / 2))
    prompt = payment_of(village, bank.partner, trxDateTime=jakarta(ISSUED + 3 * HOUR / 2))

    if is_one_batch:
        outcomes = await take([flag(bank, late), flag(bank, prompt)])
        codes = [each.answer.response_code for each in outcomes]
    else:
        codes = [(await bank.pay(each)).json()["responseCode"] for each in (late, prompt)]

    assert codes == [SETTLED, SETTLED]
    assert await uses(session, family) == [(each.id, 28_400, None) for each in family.bills]
    assert await uses(session, village) == [
        (village.bills[0].id, 28_400, AllocationReason.BILL_VOID),
        (village.bills[1].id, 28_400, None),
    ]
    assert await statuses(session, village) == [BillStatus.VOID, BillStatus.PAID]
    assert await checks.find_faults(session) == []


@pytest.mark.parametrize("is_one_batch", [False, True])
async def test_paid_in_time_but_after_the_later_order_a_replaced_bill_does_not_count(
    *,
    bank: Bank,
    flag: MakeFlag,
    take: Take,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    business_time: BusinessTime,
    is_one_batch: bool,
) -> None:
    mother, child, neighbour = make_members(3)
    family = await issue_order(bank.client, [mother, child])
    business_time.at(ISSUED + HOUR)
    village = await issue_order(bank.client, [child, neighbour])
    business_time.at(ISSUED + 2 * HOUR)
    late = payment_of(family, bank.partner, trxDateTime=jakarta(ISSUED + HOUR / 2))
    prompt = payment_of(village, bank.partner, trxDateTime=jakarta(ISSUED + 3 * HOUR / 2))

    if is_one_batch:
        outcomes = await take([flag(bank, prompt), flag(bank, late)])
        codes = [each.answer.response_code for each in outcomes]
    else:
        codes = [(await bank.pay(each)).json()["responseCode"] for each in (prompt, late)]

    assert codes == [SETTLED, SETTLED]
    assert await uses(session, village) == [(each.id, 28_400, None) for each in village.bills]
    assert await uses(session, family) == [
        (family.bills[0].id, 28_400, None),
        (family.bills[1].id, 28_400, AllocationReason.BILL_REPLACED),
    ]
    assert await checks.find_faults(session) == []


@pytest.mark.parametrize(
    ("how", "refusal"),
    [("replaced", CANCELLED), ("mixed", CANCELLED), ("ended", ENDED)],
)
@pytest.mark.parametrize("keeps", [False, True])
async def test_an_order_is_refused_or_kept_whole_only_when_no_bill_of_it_can_count(
    *,
    make_bank: MakeBank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    business_time: BusinessTime,
    how: str,
    refusal: str,
    keeps: bool,
) -> None:
    bank = await make_bank(keeps_refused_money=keeps)
    members = make_members(2)
    order = await issue_order(bank.client, members)
    business_time.at(ISSUED + HOUR)
    if how == "ended":
        business_time.at(ISSUED + timedelta(days=9))
    else:
        await issue_order(bank.client, members[: 2 if how == "replaced" else 1])
    if how == "mixed":
        await bills.cancel(session, ADMIN, order.bills[1].id, reason=VoidReason.WRONG_DATA)

    code = await pay(bank, order)

    asked = await bank.inquire(inquiry_of(order, bank.partner))
    assert asked.json()["responseCode"] == refusal.replace("25", "24", 1)
    if keeps:
        reason = AllocationReason.BILL_ENDED if how == "ended" else AllocationReason.BILL_REPLACED
        assert code == SETTLED
        assert await uses(session, order) == [(None, order.amount, reason)]
    else:
        assert code == refusal
        assert await uses(session, order) == []
    assert BillStatus.PAID not in await statuses(session, order)
    assert await checks.find_faults(session) == []


@pytest.mark.parametrize(
    ("amount", "code"), [(2**53, SETTLED), (2**53 + 1, WRONG_AMOUNT), (0, WRONG_AMOUNT)]
)
async def test_what_no_bill_takes_is_kept_up_to_what_the_api_can_show(
    make_bank: MakeBank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    amount: int,
    code: str,
) -> None:
    bank = await make_bank(keeps_refused_money=True)
    order = await issue_order(bank.client, make_members(1))

    assert await pay(bank, order, amount=amount) == code

    assert len(await uses(session, order)) == (code == SETTLED)


async def test_everybody_sees_their_own_part_of_an_order_and_has_a_receipt_of_their_own(
    bank: Bank,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    booked: Booked,
    tokens: Tokens,
) -> None:
    members = make_members(2)
    order = await issue_order(bank.client, members)
    await pay(bank, order)
    (payment,) = await booked()
    path, admin = f"/v1/payments/{payment.id}", tokens.make(Role.ADMIN)

    for member, bill in zip(members, order.bills, strict=True):
        own = tokens.make(Role.MEMBER, member_id=member.member_id)
        shown = (await bank.client.get(path, headers=own)).json()
        receipt = (await bank.client.get(f"{path}/receipt", headers=own)).json()
        same = await bank.client.get(
            f"{path}/receipt", params={"bill_id": str(bill.id)}, headers=admin
        )
        assert [each["bill_id"] for each in shown["allocations"]] == [str(bill.id)]
        assert (receipt["bill_id"], receipt["amount"]) == (str(bill.id), bill.amount)
        assert same.json() == receipt
    unnamed = await bank.client.get(f"{path}/receipt", headers=admin)
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "bill_not_named")
    assert unnamed.json()["details"] == {"bill_ids": [str(each.id) for each in order.bills]}
