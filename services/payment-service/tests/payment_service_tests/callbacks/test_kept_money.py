"""Money that no bill takes, from a bank that cannot give it back: it is kept in suspense."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from payment_service_tests.callbacks.conftest import Booked, Kept, MakeFlag, Take
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import AllocationKind, AllocationReason
from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.clients.members import ContributionBasis
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime, Tokens
from snap_bi.readings import BankReading, read_payment_answer

ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))
TOO_MUCH = 99_000

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBank = Callable[..., Awaitable[Bank]]
MakeBasis = Callable[..., ContributionBasis]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
MakeUnpayable = Callable[[Bank, str], Awaitable[tuple[BillOut, dict[str, Any]]]]
REASONS = {
    "bill_paid": "4042514",
    "bill_replaced": "4042512",
    "bill_void": "4042512",
    "bill_ended": "4042519",
    "amount_mismatch": "4042513",
}
"""Why no bill takes it, and how it is refused by a bank that can give it back."""


@pytest.fixture
async def keeper(make_bank: MakeBank) -> Bank:
    """A bank that cannot give back what we refuse."""
    return await make_bank(keeps_refused_money=True)


@pytest.fixture
def make_unpayable(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    business_time: BusinessTime,
) -> MakeUnpayable:
    """Issue a bill and make it refuse money; return it, and the message of a payment of it."""

    async def make(bank: Bank, reason: str) -> tuple[BillOut, dict[str, Any]]:
        basis = make_basis()
        bill = await issue_bill(session, basis=basis)
        match reason:
            case "bill_paid":
                await bank.pay(payment_of(bill, bank.partner))
            case "bill_replaced":
                await issue_bill(session, basis=basis)
            case "bill_void":
                await bills.cancel(session, ADMIN, bill.id, reason=VoidReason.WRONG_DATA)
            case "bill_ended":
                business_time.at(bill.expires_at + timedelta(hours=25))
                await bills.end_overdue(session, late_notice_h=24, limit=10)
            case "amount_mismatch":
                return bill, payment_of(bill, bank.partner, amount=TOO_MUCH)
        return bill, payment_of(bill, bank.partner)

    return make


async def read_bill(session: AsyncSession, bill: BillOut) -> tuple[BillStatus, object]:
    row = await session.get_one(Bill, bill.id, populate_existing=True)
    return row.status, row.paid_at


async def read_kept(session: AsyncSession) -> list[Allocation]:
    query = select(Allocation).where(Allocation.kind == AllocationKind.SUSPENSE)
    return list(await session.scalars(query.order_by(Allocation.id)))


def settled(events: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [data for kind, data in events if kind == "payment.settled.v1"]


@pytest.mark.parametrize("reason", REASONS)
async def test_what_no_bill_takes_is_answered_as_paid_and_kept_in_suspense(
    *,
    keeper: Bank,
    make_unpayable: MakeUnpayable,
    session: AsyncSession,
    booked: Booked,
    published: Published,
    reason: str,
) -> None:
    bill, message = await make_unpayable(keeper, reason)
    before, events = await read_bill(session, bill), await published(session)

    answer = await keeper.pay(message)

    assert answer.json()["responseCode"] == "2002500"
    assert read_payment_answer(keeper.profile, answer.content) is BankReading.PAID
    assert answer.json()["virtualAccountData"]["paidAmount"] == message["paidAmount"]
    payment = (await booked())[-1]
    (kept,) = await read_kept(session)
    assert (kept.payment_id, kept.reason) == (payment.id, AllocationReason(reason))
    assert (kept.bill_id, kept.member_id) == (bill.id, bill.member_id)
    assert (
        kept.amount == payment.amount == (TOO_MUCH if reason == "amount_mismatch" else bill.amount)
    )
    assert kept.counts_at == payment.paid_at
    assert await read_bill(session, bill) == before
    assert settled(await published(session)) == settled(events)
    assert await checks.find_faults(session) == []


async def test_what_is_kept_moves_from_the_collection_account_to_suspense(
    keeper: Bank, make_unpayable: MakeUnpayable, session: AsyncSession
) -> None:
    _, message = await make_unpayable(keeper, "amount_mismatch")

    await keeper.pay(message)

    (kept,) = await read_kept(session)
    rows = await session.execute(
        text(
            "SELECT code, debit_account, credit_account, amount, cause_kind, cause_id"
            " FROM ledger_transfers"
        )
    )
    partner_id = keeper.partner.id
    assert [tuple(row) for row in rows] == [
        (
            "suspense_received",
            f"bank_collection:{partner_id}",
            f"suspense:{partner_id}",
            TOO_MUCH,
            "allocation",
            kept.id,
        )
    ]


@pytest.mark.parametrize("reason", REASONS)
async def test_a_repeat_of_what_was_kept_is_answered_as_stored_and_kept_once(
    *,
    keeper: Bank,
    make_unpayable: MakeUnpayable,
    session: AsyncSession,
    kept: Kept,
    booked: Booked,
    reason: str,
) -> None:
    _, message = await make_unpayable(keeper, reason)
    first = await keeper.pay(message)
    payments = len(await booked())

    again = await keeper.pay(message)
    other = await keeper.pay({**message, "trxId": "other"})

    assert again.content == first.content
    assert other.json()["responseCode"] == "4042518"
    verdicts = [each.verdict for each in await kept()][-3:]
    assert verdicts == [
        CallbackOutcome.SETTLED,
        CallbackOutcome.REPEATED,
        CallbackOutcome.CONFLICT,
    ]
    assert (len(await booked()), len(await read_kept(session))) == (payments, 1)


@pytest.mark.parametrize(("reason", "refusal"), REASONS.items())
async def test_a_bank_that_can_give_it_back_is_refused(
    *,
    bank: Bank,
    make_unpayable: MakeUnpayable,
    session: AsyncSession,
    booked: Booked,
    reason: str,
    refusal: str,
) -> None:
    _, message = await make_unpayable(bank, reason)
    payments = len(await booked())

    answer = await bank.pay(message)

    assert answer.json()["responseCode"] == refusal
    assert read_payment_answer(bank.profile, answer.content) is BankReading.REJECTED
    assert (len(await booked()), await read_kept(session)) == (payments, [])


async def test_in_one_batch_the_second_payment_of_a_bill_is_kept(
    keeper: Bank,
    flag: MakeFlag,
    take: Take,
    session: AsyncSession,
    issue_bill: IssueBill,
) -> None:
    bill = await issue_bill(session)

    outcomes = await take([flag(keeper, payment_of(bill, keeper.partner)) for _ in range(3)])

    assert [each.answer.response_code for each in outcomes] == ["2002500"] * 3
    assert [each.reason for each in await read_kept(session)] == [AllocationReason.BILL_PAID] * 2
    assert (await read_bill(session, bill))[0] is BillStatus.PAID
    assert await checks.find_faults(session) == []


async def test_after_a_wrong_amount_was_kept_the_right_one_still_pays_the_bill(
    keeper: Bank, make_unpayable: MakeUnpayable, session: AsyncSession
) -> None:
    bill, wrong = await make_unpayable(keeper, "amount_mismatch")
    await keeper.pay(wrong)

    answer = await keeper.pay(payment_of(bill, keeper.partner))

    assert answer.json()["responseCode"] == "2002500"
    assert (await read_bill(session, bill))[0] is BillStatus.PAID
    assert await checks.find_faults(session) == []


async def test_nothing_is_no_money_to_keep(
    keeper: Bank, session: AsyncSession, issue_bill: IssueBill, booked: Booked
) -> None:
    bill = await issue_bill(session)

    answer = await keeper.pay(payment_of(bill, keeper.partner, amount=0))

    assert answer.json()["responseCode"] == "4042513"
    assert await booked() == []


async def test_what_is_no_order_of_ours_is_refused_and_an_inquiry_too(
    keeper: Bank, make_unpayable: MakeUnpayable, booked: Booked
) -> None:
    bill, message = await make_unpayable(keeper, "bill_void")
    nobodys = {"customerNo": "9" * 18, "virtualAccountNo": "   88001" + "9" * 18}

    unknown = await keeper.pay({**message, **nobodys})
    asked = await keeper.inquire(inquiry_of(bill, keeper.partner))

    assert [each.json()["responseCode"] for each in (unknown, asked)] == ["4042512", "4042412"]
    assert await booked() == []


async def test_a_payment_that_was_kept_shows_its_suspense_and_has_no_receipt(
    keeper: Bank, make_unpayable: MakeUnpayable, booked: Booked, tokens: Tokens
) -> None:
    bill, message = await make_unpayable(keeper, "amount_mismatch")
    await keeper.pay(message)
    (payment,) = await booked()
    member = tokens.make(Role.MEMBER, member_id=bill.member_id)

    shown = await keeper.client.get(f"/v1/payments/{payment.id}", headers=member)
    receipt = await keeper.client.get(f"/v1/payments/{payment.id}/receipt", headers=member)

    (allocation,) = shown.json()["allocations"]
    assert (allocation["kind"], allocation["reason"]) == ("suspense", "amount_mismatch")
    assert (allocation["amount"], allocation["coverage"]) == (TOO_MUCH, None)
    assert (receipt.status_code, receipt.json()["code"]) == (404, "receipt_not_found")
