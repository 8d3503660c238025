import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from payment_service.banks.models import BankPartner
from payment_service.bills import rules, service, tasks
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = pytest.mark.race
NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
MakePartner = Callable[..., Awaitable[BankPartner]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(NOVEMBER)


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()


async def test_of_two_bills_for_one_month_at_once_one_is_issued(
    own: Database, issue_bill: IssueBill, make_basis: MakeBasis, make_partner: MakePartner
) -> None:
    basis = make_basis()
    async with own.begin() as session:
        await make_partner(session)

    async def issue(first: int, count: int) -> BillOut:
        async with own.begin() as session:
            return await issue_bill(
                session, basis=basis, first_month=Month(2026, first), month_count=count
            )

    outcomes = await asyncio.gather(
        *(issue(first, 2) for first in (9, 10, 10, 11)), return_exceptions=True
    )

    refused = [each for each in outcomes if isinstance(each, rules.MonthAlreadyBilled)]
    issued = [each for each in outcomes if isinstance(each, BillOut)]
    months = [month for each in issued for month in {line.month for line in each.lines}]
    assert len(refused) + len(issued) == 4
    assert len(refused) >= 2
    assert len(set(months)) == len(months)


async def test_expiry_and_payment_at_once_leave_one_truth(
    own: Database,
    issue_bill: IssueBill,
    business_time: BusinessTime,
) -> None:
    async with own.begin() as session:
        bills = [await issue_bill(session) for _ in range(10)]
    business_time.at(NOVEMBER + timedelta(days=30))

    async def pay(shown: BillOut) -> None:
        (account,) = shown.virtual_accounts
        key = (account.partner_id, account.customer_no)
        async with own.begin() as session:
            bill = (await service.lock_for_payment(make_executor(session), [key]))[key]
            if bill.status is BillStatus.OPEN:
                await execute_together(
                    make_executor(session), [service.paying({bill.id: NOVEMBER})]
                )

    await asyncio.gather(
        *(pay(bill) for bill in bills),
        tasks.every_minute(own, late_notice_h=24),
        return_exceptions=True,
    )

    async with own.read() as session:
        rows = (await session.scalars(select(Bill))).all()
        live = await session.scalar(text("SELECT count(*) FROM bill_months WHERE live"))
    paid = [row for row in rows if row.status is BillStatus.PAID]
    expired = [row for row in rows if row.status is BillStatus.EXPIRED]
    assert len(paid) + len(expired) == 10
    assert live == len(paid)
