from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.banks.models import BankPartner
from payment_service.bills import rules as bill_rules
from payment_service.bills import service as bills
from payment_service.bills.rules import BillStatus, CancellationReason
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.ledger import service as ledger
from payment_service.payments import service
from payment_service.payments.rules import Notice, PaymentNotFound, PaymentRequestReused
from payment_service.tariffs.rules import Payer
from perisai_kit.auth import Principal, Role
from perisai_kit.errors import DomainError
from perisai_kit.ids import new_id
from perisai_kit.testing import BusinessTime

NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
MakeNotice = Callable[..., Notice]
MakePartner = Callable[..., Awaitable[BankPartner]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(NOVEMBER)


async def count(session: AsyncSession) -> tuple[int, int, int]:
    """Payments, transfers, events: what a refusal must leave alone."""
    tables = ("payments", "ledger_transfers", "events")
    sums = [await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]  # noqa: S608 - names from above
    return sums[0], sums[1], sums[2]


async def test_a_payment_settles_the_bill_the_books_and_tells_of_it(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    make_notice: MakeNotice,
    published: Published,
) -> None:
    basis = make_basis(payer=Payer.SPONSOR)
    bill = await issue_bill(session, basis=basis, month_count=2)
    notice = make_notice(bill)

    settled = await service.settle(session, notice)

    assert settled.is_new
    assert (await bills.get(session, ADMIN, bill.id)).status is BillStatus.PAID
    page = await ledger.list_accounts(session, cursor=None, limit=10)
    assert sum(item.balance for item in page.items if item.account_class == "assets") == 56_800
    assert len(page.items) == 1 + 6
    kind, data = (await published(session))[-1]
    assert kind == "payment.settled.v1"
    assert data["payment_id"] == str(settled.payment.id)
    assert (data["payer"], data["amount"]) == ("sponsor", 56_800)
    assert data["attribution_id"] == str(basis.attribution_id)
    assert data["lines"][0] == {
        "month": "2026-11",
        "programme": "jkk",
        "amount": 5_000,
        "relief": 5_000,
    }
    assert sum(line["amount"] for line in data["lines"]) == 56_800
    assert await checks.find_faults(session) == []


async def test_a_repeated_notice_changes_nothing_and_finds_the_first_payment(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session)
    notice = make_notice(bill)
    first = await service.settle(session, notice)
    before = await count(session)

    second = await service.settle(
        session, replace(notice, received_at=NOVEMBER + timedelta(hours=1), reference_no="2")
    )

    assert not second.is_new
    assert second.payment.id == first.payment.id
    assert await count(session) == before


async def test_another_payment_of_a_paid_bill_is_refused(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session)
    await service.settle(session, make_notice(bill))

    with pytest.raises(bill_rules.BillAlreadyPaid):
        await service.settle(session, make_notice(bill))


@pytest.mark.parametrize(
    ("differences", "refusal"),
    [
        ({"amount": 28_399}, bill_rules.AmountMismatch),
        ({"amount": 56_800}, bill_rules.AmountMismatch),
        ({"trx_date_time": NOVEMBER + timedelta(days=8)}, bill_rules.BillExpiredAlready),
        ({"bill_id": new_id()}, bill_rules.BillNotFound),
    ],
    ids=["too little", "too much", "too late", "unknown bill"],
)
async def test_a_payment_that_does_not_fit_is_refused_before_anything_is_written(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_notice: MakeNotice,
    differences: dict[str, Any],
    refusal: type[DomainError],
) -> None:
    bill = await issue_bill(session)
    before = await count(session)

    with pytest.raises(refusal):
        await service.settle(session, make_notice(bill, **differences))

    assert await count(session) == before
    assert (await bills.get(session, ADMIN, bill.id)).status is BillStatus.OPEN


async def test_a_cancelled_bill_cannot_be_paid(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session)
    await bills.cancel(session, ADMIN, bill.id, reason=CancellationReason.REPLACED)

    with pytest.raises(bill_rules.BillCancelledAlready):
        await service.settle(session, make_notice(bill))


async def test_a_payment_made_in_time_is_booked_when_the_bank_tells_of_it_later(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_notice: MakeNotice,
    business_time: BusinessTime,
) -> None:
    bill = await issue_bill(session)
    business_time.at(bill.expires_at + timedelta(hours=2))

    settled = await service.settle(session, make_notice(bill, trx_date_time=bill.expires_at))

    assert settled.is_new


async def test_a_request_number_pays_one_bill_only(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    first, second = await issue_bill(session), await issue_bill(session)
    await service.settle(session, make_notice(first, payment_request_id="77"))
    before = await count(session)

    with pytest.raises(PaymentRequestReused):
        await service.settle(session, make_notice(second, payment_request_id="77"))

    assert await count(session) == before
    assert (await bills.get(session, ADMIN, second.id)).status is BillStatus.OPEN


async def test_a_repeat_with_another_amount_is_not_the_same_payment(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session)
    notice = make_notice(bill)
    await service.settle(session, notice)

    with pytest.raises(PaymentRequestReused):
        await service.settle(session, replace(notice, amount=1))


async def test_two_banks_may_use_the_same_request_number(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_notice: MakeNotice,
    make_partner: MakePartner,
) -> None:
    one, other = await make_partner(session), await make_partner(session)
    first, second = await issue_bill(session), await issue_bill(session)

    await service.settle(session, make_notice(first, partner_id=one.id, payment_request_id="77"))
    settled = await service.settle(
        session, make_notice(second, partner_id=other.id, payment_request_id="77")
    )

    assert settled.is_new


async def test_the_books_belong_to_the_jakarta_date_of_the_payment(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session)
    late_evening = datetime(2026, 11, 5, 17, 30, tzinfo=UTC)  # 00:30 on the 6th in Jakarta

    await service.settle(session, make_notice(bill, trx_date_time=late_evening))

    dates = (await session.scalars(text("SELECT DISTINCT business_on FROM ledger_transfers"))).all()
    assert [str(day) for day in dates] == ["2026-11-06"]


async def test_a_receipt_says_what_was_paid_and_hides_the_name(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session, month_count=2)
    settled = await service.settle(session, make_notice(bill))

    receipt = await service.receipt(session, ADMIN, settled.payment.id)

    assert receipt.display_name == "S*** A***"
    assert [str(month) for month in receipt.months] == ["2026-11", "2026-12"]
    assert [(each.programme.value, each.amount) for each in receipt.programmes] == [
        ("jkk", 10_000),
        ("jkm", 6_800),
        ("jht", 40_000),
    ]
    assert receipt.programmes[0].relief_basis == ["PP 50/2025 art. 4"]
    assert (receipt.bank_name, receipt.channel_code) == ("Bank Uji", "6017")
    assert receipt.bank_reference == "00001136962"
    assert receipt.amount == sum(each.amount for each in receipt.programmes)


async def test_a_payment_is_seen_by_those_it_concerns(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    bill = await issue_bill(session)
    settled = await service.settle(session, make_notice(bill))
    own = Principal(new_id(), frozenset({Role.MEMBER}), member_id=bill.member_id)
    other = Principal(new_id(), frozenset({Role.MEMBER}), member_id=new_id())

    assert (await service.get(session, own, settled.payment.id)).id == settled.payment.id
    with pytest.raises(PaymentNotFound):
        await service.get(session, other, settled.payment.id)
    with pytest.raises(PaymentNotFound):
        await service.receipt(session, other, settled.payment.id)


@pytest.mark.parametrize("verb", ["UPDATE payments SET amount = 1", "DELETE FROM payments"])
async def test_the_running_service_cannot_change_a_payment(
    session: AsyncSession, verb: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with session.begin_nested():
            await session.execute(text(verb))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE bills SET status = 'open', paid_at = NULL",
        "UPDATE bills SET amount = amount + 1",
        "UPDATE bill_months SET live = false",
    ],
)
async def test_the_check_of_the_books_finds_damage(
    session: AsyncSession, issue_bill: IssueBill, make_notice: MakeNotice, damage: str
) -> None:
    await service.settle(session, make_notice(await issue_bill(session)))

    await session.execute(text(damage))

    assert await checks.find_faults(session) != []
