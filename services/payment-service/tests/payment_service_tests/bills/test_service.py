from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.bills import queries, rules, service
from payment_service.bills.models import Bill
from payment_service.bills.people import list_people, name_members
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.orders import service as orders
from payment_service.payments.models import Payment
from payment_service.virtual_accounts.rules import NoActiveBank
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.programmes import Payer, Sector
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime
from snap_bi.virtual_account import compute_check_digit

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


async def end_overdue(session: AsyncSession) -> int:
    return await service.end_overdue(session, late_notice_h=24, limit=100)


async def pay(session: AsyncSession, bill: BillOut) -> None:
    await execute_together(make_executor(session), [queries.pay_statement({bill.id: NOVEMBER})])
    session.expire_all()  # written past the session's objects


async def test_a_bill_is_a_snapshot_of_member_and_tariff(
    session: AsyncSession, issue_bill: IssueBill, make_basis: MakeBasis
) -> None:
    basis = make_basis(sector=Sector.TRANSPORT, payer=Payer.SPONSOR)

    shown = await issue_bill(session, basis=basis)

    bill = await service.get_snapshot(session, shown.id)
    assert bill.display_name == basis.display_name
    assert (bill.sector, bill.payer) == (Sector.TRANSPORT, Payer.SPONSOR)
    assert (bill.amount, bill.relief_amount) == (28_400, 8_400)
    assert bill.expires_at - bill.issued_at == timedelta(hours=168)


async def test_a_bill_is_announced(
    session: AsyncSession, issue_bill: IssueBill, published: Published
) -> None:
    bill = await issue_bill(session, month_count=2)

    ((kind, data),) = await published(session)
    assert kind == "bill.issued.v1"
    assert data["bill_id"] == str(bill.id)
    assert (data["first_month"], data["month_count"]) == ("2026-11", 2)
    assert data["amount"] == bill.amount == 56_800


async def test_the_name_is_encrypted_in_the_database_and_masked_outside(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    shown = await issue_bill(session)

    stored = await session.scalar(text("SELECT display_name FROM bills"))
    assert b"Siti" not in stored
    assert shown.display_name == "S*** A***"


async def test_members_read_their_own_name_before_it_is_known_who_has_them(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    shown = await issue_bill(session)
    await session.execute(text("DELETE FROM attribution_periods"))
    bill = await session.get_one(Bill, shown.id)
    readers = {
        "own": Principal(new_id(), frozenset({Role.MEMBER}), member_id=bill.member_id),
        "other": Principal(new_id(), frozenset({Role.MEMBER}), member_id=new_id()),
        "no role": Principal(new_id(), frozenset(), member_id=bill.member_id),
    }

    names = {name: await name_members(session, by, [bill]) for name, by in readers.items()}
    people = await list_people(session, readers["own"], [bill.id])

    assert {name: found[bill.id] for name, found in names.items()} == {
        "own": "Siti Aminah",
        "other": "S*** A***",
        "no role": "S*** A***",
    }
    assert people[bill.id].member_name == "Siti Aminah"


async def test_every_active_bank_gets_a_number_of_its_own_form(
    session: AsyncSession, issue_bill: IssueBill, make_partner: MakePartner
) -> None:
    bri = await make_partner(session, name="BRI", profile="bri", company_code="12345")
    bca = await make_partner(session, name="BCA", profile="bca", company_code="11223")
    await make_partner(session, name="Off", status=PartnerStatus.SUSPENDED)

    bill = await issue_bill(session)

    accounts = {account.partner_id: account for account in bill.virtual_accounts}
    assert set(accounts) == {bri.id, bca.id}
    assert len(accounts[bri.id].customer_no) == 13
    assert len(accounts[bca.id].customer_no) == 18
    assert compute_check_digit(accounts[bri.id].customer_no) == "0"
    assert accounts[bca.id].number == "11223" + accounts[bca.id].customer_no


async def test_two_bills_never_share_a_number(session: AsyncSession, issue_bill: IssueBill) -> None:
    numbers = {(await issue_bill(session)).virtual_accounts[0].number for _ in range(5)}

    assert len(numbers) == 5


async def test_the_bill_is_found_by_its_number_at_that_bank_only(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    bill = await issue_bill(session)
    account = bill.virtual_accounts[0]

    run = make_executor(session)

    here, elsewhere = (
        (partner_id, account.customer_no) for partner_id in (account.partner_id, new_id())
    )
    found = await orders.find_asked(run, [here, elsewhere])

    assert list(found) == [here]
    assert [each.expires_at for each in found[here].bills] == [bill.expires_at]
    assert found[here].amount == bill.amount


async def test_without_a_bank_no_bill_is_issued(
    session: AsyncSession, issue_bill: IssueBill, make_partner: MakePartner
) -> None:
    await make_partner(session, status=PartnerStatus.SUSPENDED)

    with pytest.raises(NoActiveBank):
        await issue_bill(session)


async def test_two_members_can_be_billed_for_the_same_month(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    first, second = await issue_bill(session), await issue_bill(session)

    assert first.first_month == second.first_month


async def test_a_cancelled_bill_makes_way_for_another_and_is_announced(
    session: AsyncSession, issue_bill: IssueBill, make_basis: MakeBasis, published: Published
) -> None:
    basis = make_basis()
    first = await issue_bill(session, basis=basis)

    cancelled = await service.cancel(session, admin(), first.id, reason=VoidReason.WRONG_DATA)
    second = await issue_bill(session, basis=basis)

    assert (cancelled.status, cancelled.void_reason) == (BillStatus.VOID, VoidReason.WRONG_DATA)
    assert cancelled.withdrawn_at is not None
    assert second.first_month == first.first_month
    kind, data = (await published(session))[1]
    assert kind == "bill.voided.v1"
    assert data["reason_code"] == "wrong_data"


async def test_a_bill_is_cancelled_once(session: AsyncSession, issue_bill: IssueBill) -> None:
    bill = await issue_bill(session)
    await service.cancel(session, admin(), bill.id, reason=VoidReason.MEMBER_REQUEST)

    with pytest.raises(rules.BillVoid):
        await service.cancel(session, admin(), bill.id, reason=VoidReason.MEMBER_REQUEST)


async def test_a_paid_bill_cannot_be_cancelled(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    shown = await issue_bill(session)
    await pay(session, shown)

    with pytest.raises(rules.BillAlreadyPaid):
        await service.cancel(session, admin(), shown.id, reason=VoidReason.WRONG_DATA)


async def test_an_unpaid_bill_ends_after_the_late_notice_time(
    session: AsyncSession,
    issue_bill: IssueBill,
    business_time: BusinessTime,
    published: Published,
) -> None:
    bill = await issue_bill(session)

    business_time.at(NOVEMBER + timedelta(hours=168 + 23))
    too_early = await end_overdue(session)
    business_time.at(NOVEMBER + timedelta(hours=168 + 25))
    in_time = await end_overdue(session)

    assert (too_early, in_time) == (0, 1)
    assert (await service.get(session, admin(), bill.id)).status is BillStatus.ENDED
    kind, data = (await published(session))[-1]
    assert (kind, data["bill_id"]) == ("bill.ended.v1", str(bill.id))


async def test_ending_touches_nothing_that_is_paid_or_cancelled(
    session: AsyncSession, issue_bill: IssueBill, business_time: BusinessTime
) -> None:
    paid, cancelled = await issue_bill(session), await issue_bill(session)
    await pay(session, paid)
    await service.cancel(session, admin(), cancelled.id, reason=VoidReason.MEMBER_REQUEST)

    business_time.at(NOVEMBER + timedelta(days=60))

    assert await end_overdue(session) == 0


def sees(*roles: Role, **more: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **more)


async def test_a_bill_one_may_not_see_does_not_exist(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    bill = await issue_bill(session)
    other_agent = sees(Role.AGENT, agent_id=new_id())

    with pytest.raises(rules.BillNotFound):
        await service.get(session, other_agent, bill.id)
    with pytest.raises(rules.BillNotFound):
        await service.cancel(session, other_agent, bill.id, reason=VoidReason.MEMBER_REQUEST)


async def test_the_lines_of_a_bill_cannot_be_changed_by_the_service(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    await issue_bill(session)

    for statement in (
        "UPDATE bill_lines SET amount = 1",
        "DELETE FROM bill_lines",
        "UPDATE virtual_accounts SET number = '1'",
        "UPDATE orders SET amount = 1",
        "DELETE FROM orders",
        "DELETE FROM bills",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text(statement))


async def test_bills_are_locked_under_every_account_with_all_that_a_payment_takes(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    make_partner: MakePartner,
    keyring: Keyring,
) -> None:
    await make_partner(session)
    await make_partner(session, company_code="88002")
    basis = make_basis(payer=Payer.SPONSOR)
    shown = await issue_bill(session, basis=basis, month_count=2)
    keys = [(each.partner_id, each.customer_no) for each in shown.virtual_accounts]

    locked = await orders.lock_for_payment(make_executor(session), [*keys, (keys[0][0], "1")])

    assert set(locked) == set(keys)
    first, second = (locked[each] for each in keys)
    assert (first.id, first.bills) == (second.id, second.bills)
    assert first.amount == shown.amount
    for partner_id, customer_no in keys:
        name = orders.read_shown_name(
            locked[partner_id, customer_no],
            keyring,
            partner_id=partner_id,
            customer_no=customer_no,
        )
        assert name == basis.display_name
    (bill,) = first.bills
    assert (bill.id, bill.amount, bill.status) == (shown.id, shown.amount, BillStatus.OPEN)
    assert (bill.payer, bill.member_id) == (Payer.SPONSOR, basis.member_id)
    assert bill.months == {shown.first_month, shown.first_month.plus(1)}
    assert [(each.month, each.programme, each.amount) for each in bill.lines] == [
        (each.month, each.programme, each.amount) for each in shown.lines
    ]


async def test_no_account_is_no_order(session: AsyncSession) -> None:
    assert await orders.lock_for_payment(make_executor(session), []) == {}
