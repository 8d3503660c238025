import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.bills import queries, rules, service, tasks
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis
from payment_service.orders import service as orders
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain.ids import new_id
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


async def test_of_bills_issued_at_once_for_one_member_all_are_answered_and_one_stays_open(
    own: Database, settings: Settings, make_basis: MakeBasis, make_partner: MakePartner
) -> None:
    basis = make_basis()
    async with own.begin() as session:
        await make_partner(session)

    async def issue(count: int) -> tuple[BillOut, UUID | None]:
        asked = NewBill(member_id=basis.member_id, first_month=Month(2026, 11), month_count=count)
        async with own.begin() as session:
            issued = await orders.issue_bill(session, asked, basis, by=new_id(), settings=settings)
            (bill,) = issued.bills
            return await service.read(session, bill), issued.replaced.get(bill.id)

    issued = await asyncio.gather(*(issue(count) for count in (1, 2, 3, 4, 5, 6)))

    async with own.read() as session:
        rows = (await session.scalars(select(Bill))).all()
    (still_open,) = [row.id for row in rows if row.status is BillStatus.OPEN]
    replaced = {replaced_id for _, replaced_id in issued}
    assert replaced == {bill.id for bill, _ in issued if bill.id != still_open} | {None}


async def test_a_bill_issued_while_the_open_one_is_being_paid_waits_and_is_refused(
    own: Database, issue_bill: IssueBill, make_basis: MakeBasis
) -> None:
    basis = make_basis()
    async with own.begin() as session:
        shown = await issue_bill(session, basis=basis)

    async def issue() -> BillOut:
        async with own.begin() as session:
            return await issue_bill(session, basis=basis, month_count=2)

    async with own.begin() as session:
        await book(session, shown)
        second = asyncio.create_task(issue())
        await wait_until_blocked(own)
    with pytest.raises(rules.MonthAlreadyBilled) as refused:
        await second

    assert refused.value.details == {"months": ["2026-11"]}
    async with own.read() as session:
        (bill,) = (await session.scalars(select(Bill))).all()
    assert bill.status is BillStatus.PAID


async def test_payment_and_new_bill_at_once_leave_one_truth(
    own: Database, issue_bill: IssueBill, make_basis: MakeBasis
) -> None:
    bases = [make_basis() for _ in range(10)]
    async with own.begin() as session:
        bills = [await issue_bill(session, basis=basis) for basis in bases]

    async def issue(basis: ContributionBasis) -> None:
        async with own.begin() as session:
            await issue_bill(session, basis=basis)

    async def pay(shown: BillOut) -> None:
        async with own.begin() as session:
            await book(session, shown)

    work = [*(pay(bill) for bill in bills), *(issue(basis) for basis in bases)]
    random.Random(7).shuffle(work)
    outcomes = await asyncio.gather(*work, return_exceptions=True)

    wrong = [
        each
        for each in outcomes
        if each is not None and not isinstance(each, rules.MonthAlreadyBilled)
    ]
    assert wrong == []
    async with own.read() as session:
        rows = (await session.scalars(select(Bill))).all()
    for basis in bases:
        states = sorted(row.status for row in rows if row.member_id == basis.member_id)
        assert states in ([BillStatus.PAID], [BillStatus.OPEN, BillStatus.REPLACED])


async def book(session: AsyncSession, shown: BillOut) -> None:
    """Pay a bill as the callbacks do, unless it is not open any more."""
    (account,) = shown.virtual_accounts
    key = (account.partner_id, account.customer_no)
    (bill,) = (await orders.lock_for_payment(make_executor(session), [key]))[key].bills
    if bill.status is BillStatus.OPEN:
        await execute_together(make_executor(session), [queries.pay_statement({bill.id: NOVEMBER})])


async def wait_until_blocked(database: Database) -> None:
    """Wait until a transaction of this database waits for the lock of another."""
    async with asyncio.timeout(10):
        while True:
            async with database.read() as session:
                waiting = await session.scalar(
                    text("SELECT count(*) FROM pg_locks WHERE NOT granted")
                )
            if waiting:
                return
            await asyncio.sleep(0.01)


async def test_ending_and_payment_at_once_leave_one_truth(
    own: Database,
    issue_bill: IssueBill,
    business_time: BusinessTime,
) -> None:
    async with own.begin() as session:
        bills = [await issue_bill(session) for _ in range(10)]
    business_time.at(NOVEMBER + timedelta(days=30))

    async def pay(shown: BillOut) -> None:
        async with own.begin() as session:
            await book(session, shown)

    await asyncio.gather(
        *(pay(bill) for bill in bills),
        tasks.every_minute(own, late_notice_h=24),
        return_exceptions=True,
    )

    async with own.read() as session:
        rows = (await session.scalars(select(Bill))).all()
    paid = [row for row in rows if row.status is BillStatus.PAID]
    ended = [row for row in rows if row.status is BillStatus.ENDED]
    assert len(paid) + len(ended) == 10
