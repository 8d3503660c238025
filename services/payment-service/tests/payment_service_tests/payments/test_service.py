from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.partner_bank import insert_messages
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import Share
from payment_service.banks.models import BankPartner
from payment_service.bills import service as bills
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.ledger import service as ledger
from payment_service.orders import service as orders
from payment_service.payments import service
from payment_service.payments.models import Payment
from payment_service.payments.rules import Notice, PaymentNotFound, Settlement
from payment_service.receipts import service as receipts
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.sql import StatementIncomplete, execute_together, make_executor
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.programmes import Payer
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
MakeNotice = Callable[..., Notice]
Settle = Callable[..., Awaitable[Payment]]
MakePartner = Callable[..., Awaitable[BankPartner]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(NOVEMBER)


async def count(session: AsyncSession) -> tuple[int | None, ...]:
    """Payments, allocations, transfers, events: what a refusal must leave alone."""
    tables = ("payments", "allocations", "ledger_transfers", "events")
    return tuple(
        [await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]  # noqa: S608 - names from above
    )


async def allocation_of(session: AsyncSession, payment: Payment) -> UUID:
    """Return the one allocation of a payment."""
    query = select(Allocation.id).where(Allocation.payment_id == payment.id)
    return (await session.scalars(query)).one()


async def test_a_payment_settles_the_bill_the_books_and_tells_of_it(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    settle: Settle,
    published: Published,
) -> None:
    basis = make_basis(payer=Payer.SPONSOR)
    bill = await issue_bill(session, basis=basis, month_count=2)

    payment = await settle(session, bill)

    assert (payment.order_id, payment.amount) == (bill.order_id, 56_800)
    allocation_id = await allocation_of(session, payment)
    assert (await bills.get(session, ADMIN, bill.id)).status is BillStatus.PAID
    page = await ledger.list_accounts(session, cursor=None, limit=10)
    assert sum(item.balance for item in page.items if item.account_class == "assets") == 56_800
    assert len(page.items) == 1 + 6
    kind, data = (await published(session))[-1]
    assert kind == "payment.settled.v1"
    assert (data["payment_id"], data["bill_id"]) == (str(payment.id), str(bill.id))
    assert data["allocation_id"] == str(allocation_id)
    assert (data["payer"], data["amount"]) == ("sponsor", 56_800)
    assert data["lines"][0] == {
        "month": "2026-11",
        "programme": "jkk",
        "amount": 5_000,
        "relief": 5_000,
    }
    assert sum(line["amount"] for line in data["lines"]) == 56_800
    assert await checks.find_faults(session) == []


async def test_each_programme_of_each_month_is_one_transfer_to_bpjs(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    payment = await settle(session, await issue_bill(session, month_count=2))
    allocation_id = await allocation_of(session, payment)

    rows = await session.execute(
        text(
            "SELECT debit_account, credit_account, amount, code, cause_kind, cause_id, business_on"
            " FROM ledger_transfers ORDER BY credit_account"
        )
    )
    amounts = {"jht": 20_000, "jkk": 5_000, "jkm": 3_400}
    assert [tuple(row) for row in rows] == [
        (
            f"bank_collection:{payment.partner_id}",
            f"bpjs_payable:{programme}:{month}",
            amount,
            "contribution_received",
            "allocation",
            allocation_id,
            NOVEMBER.date(),
        )
        for programme, amount in amounts.items()
        for month in ("2026-11", "2026-12")
    ]


async def test_many_payments_are_booked_together(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_notice: MakeNotice,
    published: Published,
) -> None:
    shown = [await issue_bill(session) for _ in range(3)]
    keys = {
        each.id: (each.virtual_accounts[0].partner_id, each.virtual_accounts[0].customer_no)
        for each in shown
    }
    locked = await orders.lock_for_payment(make_executor(session), list(keys.values()))

    def settlement(each: BillOut) -> Settlement:
        order = locked[keys[each.id]]
        shares = [Share(bill.amount, bill) for bill in order.bills]
        return Settlement(new_id(), new_id(), order.id, make_notice(each), shares)

    await execute_together(
        make_executor(session), service.settle_statements([settlement(each) for each in shown])
    )
    await insert_messages(session)

    settled = [data["bill_id"] for kind, data in await published(session) if "settled" in kind]
    assert settled == [str(each.id) for each in shown]
    assert await checks.find_faults(session) == []


def test_nothing_to_settle_is_nothing_to_write() -> None:
    assert service.settle_statements([]) == []


async def test_a_paid_bill_is_never_booked_again(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    bill = await issue_bill(session)
    await settle(session, bill)
    before = await count(session)

    with pytest.raises(StatementIncomplete):
        async with session.begin_nested():
            await settle(session, bill)

    assert await count(session) == before


async def test_a_request_number_pays_one_bill_only(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    first, second = await issue_bill(session), await issue_bill(session)
    await settle(session, first, payment_request_id="77")
    before = await count(session)

    with pytest.raises(IntegrityError, match="payment_requests"):
        async with session.begin_nested():
            await settle(session, second, payment_request_id="77")

    assert await count(session) == before
    assert (await bills.get(session, ADMIN, second.id)).status is BillStatus.OPEN


async def test_two_banks_may_use_the_same_request_number(
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    make_partner: MakePartner,
) -> None:
    one, other = await make_partner(session), await make_partner(session)
    first, second = await issue_bill(session), await issue_bill(session)

    payments = [
        await settle(session, first, partner_id=one.id, payment_request_id="77"),
        await settle(session, second, partner_id=other.id, payment_request_id="77"),
    ]

    assert [payment.partner_id for payment in payments] == [one.id, other.id]


async def test_the_books_belong_to_the_jakarta_date_of_the_payment(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    bill = await issue_bill(session)
    late_evening = datetime(2026, 11, 5, 17, 30, tzinfo=UTC)  # 00:30 on the 6th in Jakarta

    await settle(session, bill, paid_at=late_evening, received_at=late_evening)

    dates = (await session.scalars(text("SELECT DISTINCT business_on FROM ledger_transfers"))).all()
    assert [str(day) for day in dates] == ["2026-11-06"]


async def test_a_payment_is_seen_by_those_it_concerns(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    bill = await issue_bill(session)
    payment = await settle(session, bill)
    own = Principal(new_id(), frozenset({Role.MEMBER}), member_id=bill.member_id)
    other = Principal(new_id(), frozenset({Role.MEMBER}), member_id=new_id())

    seen, allocations = await service.get(session, own, payment.id)
    assert (seen.id, [each.allocation.bill_id for each in allocations]) == (payment.id, [bill.id])
    with pytest.raises(PaymentNotFound):
        await service.get(session, other, payment.id)
    with pytest.raises(PaymentNotFound):
        await receipts.get_receipt(session, other, payment.id, bill_id=bill.id)


@pytest.mark.parametrize(
    "verb",
    [
        "UPDATE payments SET amount = 1",
        "DELETE FROM payments",
        "UPDATE allocations SET amount = 1",
        "DELETE FROM allocations",
    ],
)
async def test_the_running_service_cannot_change_a_payment_or_an_allocation(
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
    ],
)
async def test_the_check_of_the_books_finds_damage(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle, damage: str
) -> None:
    await settle(session, await issue_bill(session))

    await session.execute(text(damage))

    assert await checks.find_faults(session) != []
