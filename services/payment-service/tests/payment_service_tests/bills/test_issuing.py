from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.partner_bank import make_offer
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.banks.models import BankPartner
from payment_service.bills import queries, rules, service
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis
from payment_service.orders import service as orders
from payment_service.payments.models import Payment
from payment_service.receipts import service as receipts
from payment_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
MakePartner = Callable[..., Awaitable[BankPartner]]
Settle = Callable[..., Awaitable[Payment]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(NOVEMBER)


def admin() -> Principal:
    return Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))


async def pay(session: AsyncSession, bill: BillOut) -> None:
    await execute_together(make_executor(session), [queries.pay_statement({bill.id: NOVEMBER})])
    session.expire_all()  # written past the session's objects


async def issue_from(
    session: AsyncSession,
    settings: Settings,
    basis: ContributionBasis,
    first: Month,
    count: int = 1,
) -> tuple[BillOut, UUID | None]:
    asked = NewBill(member_id=basis.member_id, first_month=first, month_count=count)
    issued = await orders.issue_bill(session, asked, basis, by=new_id(), settings=settings)
    (bill,) = issued.bills
    return await service.read(session, bill), issued.replaced.get(bill.id)


async def test_a_new_bill_replaces_the_open_one_and_says_so(
    session: AsyncSession,
    settings: Settings,
    make_basis: MakeBasis,
    make_partner: MakePartner,
    published: Published,
) -> None:
    await make_partner(session)
    basis = make_basis()

    first, nothing = await issue_from(session, settings, basis, Month(2026, 11))
    second, replaced_id = await issue_from(session, settings, basis, Month(2026, 11), 3)

    assert (nothing, replaced_id) == (None, first.id)
    replaced = await service.get(session, admin(), first.id)
    assert (replaced.status, replaced.replaced_by) == (BillStatus.REPLACED, second.id)
    assert replaced.withdrawn_at == second.issued_at
    assert second.status is BillStatus.OPEN
    kinds = [(kind, data["bill_id"]) for kind, data in await published(session)]
    assert kinds == [
        ("bill.issued.v1", str(first.id)),
        ("bill.replaced.v1", str(first.id)),
        ("bill.issued.v1", str(second.id)),
    ]


async def test_a_member_cannot_have_two_open_bills_in_the_database(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    first, second = await issue_bill(session), await issue_bill(session)

    with pytest.raises(IntegrityError, match="uq_bills_open"):
        async with session.begin_nested():
            await session.execute(
                text("UPDATE bills SET member_id = :member WHERE id = :bill"),
                {"member": first.member_id, "bill": second.id},
            )


async def test_a_bill_steps_over_months_that_are_paid_already(
    session: AsyncSession, issue_bill: IssueBill, make_basis: MakeBasis, settle: Settle
) -> None:
    paid = [Month(2026, 10), Month(2026, 12)]
    basis = make_basis(offers=[make_offer(Month(2026, 9), paid=paid)])

    bill = await issue_bill(session, basis=basis, first_month=Month(2026, 9), month_count=3)

    months = ["2026-09", "2026-11", "2027-01"]
    assert sorted({str(line.month) for line in bill.lines}) == months
    assert (str(bill.first_month), bill.month_count) == ("2026-09", 3)
    payment = await settle(session, bill)
    receipt = await receipts.get_receipt(session, admin(), payment.id, bill_id=None)
    assert [str(month) for month in receipt.months] == months
    assert await checks.find_faults(session) == []


async def test_a_bill_ends_with_the_offer_that_its_months_come_from(
    session: AsyncSession, issue_bill: IssueBill, make_basis: MakeBasis
) -> None:
    month_end = midnight(Month(2026, 12).first_day)
    early = make_basis(offers=[make_offer(Month(2026, 11), pay_before=month_end)])
    late = make_basis(offers=[make_offer(Month(2026, 11), pay_before=NOVEMBER + timedelta(days=2))])

    whole_week = await issue_bill(session, basis=early)
    two_days = await issue_bill(session, basis=late)

    assert whole_week.expires_at == whole_week.issued_at + timedelta(hours=168)
    assert two_days.expires_at == NOVEMBER + timedelta(days=2)


async def test_a_month_that_is_paid_in_this_registration_is_not_billed_again(
    session: AsyncSession, issue_bill: IssueBill, make_basis: MakeBasis
) -> None:
    basis = make_basis()  # member-service does not know of the payment yet
    await pay(session, await issue_bill(session, basis=basis))

    with pytest.raises(rules.MonthAlreadyBilled) as refused:
        await issue_bill(session, basis=basis, month_count=2)

    assert refused.value.details == {"months": ["2026-11"]}


@pytest.mark.parametrize(
    ("settled_since", "is_refused"),
    [(None, True), (NOVEMBER, True), (NOVEMBER + timedelta(days=1), False)],
    ids=["never registered", "this registration", "an earlier registration"],
)
async def test_only_payments_of_the_present_registration_hold_a_month(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    settled_since: datetime | None,
    is_refused: bool,
) -> None:
    basis = make_basis()
    await pay(session, await issue_bill(session, basis=basis))
    later = basis.model_copy(update={"settled_since": settled_since})

    if is_refused:
        with pytest.raises(rules.MonthAlreadyBilled):
            await issue_bill(session, basis=later)
    else:
        assert (await issue_bill(session, basis=later)).status is BillStatus.OPEN


async def test_a_bill_past_its_end_makes_way_for_a_new_one_as_ended_and_not_replaced(
    session: AsyncSession,
    settings: Settings,
    make_basis: MakeBasis,
    make_partner: MakePartner,
    business_time: BusinessTime,
) -> None:
    await make_partner(session)
    basis = make_basis()
    first, _ = await issue_from(session, settings, basis, Month(2026, 11))
    business_time.at(NOVEMBER + timedelta(hours=169))

    second, replaced_id = await issue_from(session, settings, basis, Month(2026, 11))

    assert (second.status, replaced_id) == (BillStatus.OPEN, None)
    assert (await service.get(session, admin(), first.id)).status is BillStatus.ENDED
