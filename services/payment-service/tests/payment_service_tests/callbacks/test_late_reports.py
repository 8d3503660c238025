"""Money that was paid before a bill was replaced, cancelled or ended, and reported afterwards."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payment_service_tests.callbacks.conftest import Booked, MakeFlag, Take
from payment_service_tests.partner_bank import Bank, inquiry_of, make_offer, payment_of
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.allocations.models import Allocation
from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.commissions.tasks import on_coverage_answered
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import CoverageDeclined
from perisai_kit.testing.plugin import BusinessTime, Tokens

ISSUED = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
CLOSED = ISSUED + timedelta(hours=2)
SECOND = timedelta(seconds=1)
NOVEMBER = Month(2026, 11)
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))
SETTLED, CANCELLED, ENDED = "2002500", "4042512", "4042519"

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
CloseBill = Callable[[str], Awaitable[tuple[BillOut, datetime]]]
Report = Callable[..., Awaitable[str]]
WAYS = ["replaced", "cancelled", "ended"]
REFUSALS = list(zip(WAYS, [CANCELLED, CANCELLED, ENDED], strict=True))


@pytest.fixture
def basis(make_basis: MakeBasis) -> ContributionBasis:
    """The member, whom all these bills are for."""
    return make_basis(offers=[make_offer(NOVEMBER)])


@pytest.fixture
def close_bill(
    *,
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    business_time: BusinessTime,
) -> CloseBill:
    """Issue a bill and close it in a way; return it, and the first second that is too late."""

    async def close(how: str) -> tuple[BillOut, datetime]:
        business_time.at(ISSUED)
        bill = await issue_bill(session, basis=basis, first_month=NOVEMBER)
        if how == "ended":
            business_time.at(bill.expires_at + timedelta(hours=25))
            assert await bills.end_overdue(session, late_notice_h=24, limit=10) == 1
            return bill, next_second(bill.expires_at)
        business_time.at(CLOSED)
        if how == "replaced":
            await issue_bill(session, basis=basis, first_month=NOVEMBER)
        else:
            await bills.cancel(session, ADMIN, bill.id, reason=VoidReason.WRONG_DATA)
        withdrawn_at = (await read_bill(session, bill)).withdrawn_at
        assert withdrawn_at is not None
        return bill, next_second(withdrawn_at)

    return close


@pytest.fixture
def report(bank: Bank) -> Report:
    """Let the bank report a payment of a bill; return the code of the answer."""

    async def pay(bill: BillOut, paid_at: datetime) -> str:
        answer = await bank.pay(payment_of(bill, bank.partner, trxDateTime=jakarta(paid_at)))
        code: str = answer.json()["responseCode"]
        return code

    return pay


def jakarta(at: datetime) -> str:
    return at.astimezone(JAKARTA).isoformat(timespec="seconds")


def next_second(at: datetime) -> datetime:
    """Return the first whole second from then on: banks state no finer times."""
    return at.replace(microsecond=0) + SECOND


async def read_bill(session: AsyncSession, bill: BillOut) -> Bill:
    return await session.get_one(Bill, bill.id, populate_existing=True)


@pytest.mark.parametrize("how", WAYS)
async def test_what_was_paid_before_a_bill_was_closed_settles_it_however_late_that_is_reported(
    *,
    close_bill: CloseBill,
    report: Report,
    session: AsyncSession,
    booked: Booked,
    business_time: BusinessTime,
    published: Published,
    how: str,
) -> None:
    bill, too_late = await close_bill(how)
    business_time.at(too_late + timedelta(days=9))

    code = await report(bill, too_late - 2 * SECOND)

    assert code == SETTLED
    (payment,) = await booked()
    paid = await read_bill(session, bill)
    (allocation,) = await session.scalars(select(Allocation))
    assert (paid.status, paid.paid_at) == (BillStatus.PAID, too_late - 2 * SECOND)
    assert (allocation.bill_id, allocation.counts_at) == (bill.id, payment.paid_at)
    (settled,) = [data for kind, data in await published(session) if kind == "payment.settled.v1"]
    assert (settled["bill_id"], settled["member_id"]) == (str(bill.id), str(bill.member_id))
    assert datetime.fromisoformat(settled["counts_at"]) == too_late - 2 * SECOND
    assert await checks.find_faults(session) == []


@pytest.mark.parametrize(("how", "refusal"), REFUSALS, ids=WAYS)
async def test_what_was_paid_from_then_on_is_refused(
    *,
    close_bill: CloseBill,
    report: Report,
    session: AsyncSession,
    booked: Booked,
    business_time: BusinessTime,
    how: str,
    refusal: str,
) -> None:
    bill, too_late = await close_bill(how)
    before = (await read_bill(session, bill)).status
    business_time.at(too_late + timedelta(days=9))

    code = await report(bill, too_late)

    assert code == refusal
    assert await booked() == []
    assert (await read_bill(session, bill)).status is before is not BillStatus.PAID


@pytest.mark.parametrize(("how", "refusal"), REFUSALS, ids=WAYS)
async def test_what_was_paid_in_time_is_refused_if_a_newer_bill_has_paid_its_months(
    *,
    close_bill: CloseBill,
    report: Report,
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    booked: Booked,
    business_time: BusinessTime,
    how: str,
    refusal: str,
) -> None:
    bill, too_late = await close_bill(how)
    newer = await issue_bill(session, basis=basis, first_month=NOVEMBER, month_count=2)
    business_time.at(newer.issued_at + timedelta(hours=1))
    message = payment_of(bill, bank.partner, trxDateTime=jakarta(too_late - 2 * SECOND))

    assert await report(newer, newer.issued_at) == SETTLED
    first = await bank.pay(message)
    again = await bank.pay(message)

    assert first.json()["responseCode"] == refusal
    assert again.content == first.content
    assert [payment.order_id for payment in await booked()] == [newer.order_id]
    assert await checks.find_faults(session) == []


@pytest.mark.parametrize("how", WAYS)
async def test_a_late_report_makes_the_newer_bill_of_the_same_months_void(
    *,
    close_bill: CloseBill,
    report: Report,
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    booked: Booked,
    business_time: BusinessTime,
    published: Published,
    how: str,
) -> None:
    bill, too_late = await close_bill(how)
    newer = await issue_bill(session, basis=basis, first_month=NOVEMBER, month_count=2)
    reported = newer.issued_at + timedelta(hours=1)
    business_time.at(reported)

    assert await report(bill, too_late - 2 * SECOND) == SETTLED

    void = await read_bill(session, newer)
    assert (void.status, void.void_reason) == (BillStatus.VOID, VoidReason.MONTHS_PAID)
    assert void.withdrawn_at is not None
    assert (void.withdrawn_at > reported, void.withdrawn_by) == (True, None)
    kind, data = (await published(session))[-1]
    assert (kind, data["bill_id"]) == ("bill.voided.v1", str(newer.id))
    assert (data["member_id"], data["reason_code"]) == (str(newer.member_id), "months_paid")
    asked = await bank.inquire(inquiry_of(newer, bank.partner))
    assert asked.json()["responseCode"] == "4042412"
    for paid_at in (newer.issued_at, next_second(void.withdrawn_at)):
        assert await report(newer, paid_at) == CANCELLED
    assert len(await booked()) == 1
    assert await checks.find_faults(session) == []


async def test_a_late_report_leaves_a_newer_bill_of_other_months_open(
    *,
    close_bill: CloseBill,
    report: Report,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    booked: Booked,
) -> None:
    bill, too_late = await close_bill("cancelled")
    december = basis.model_copy(update={"offers": (make_offer(NOVEMBER.plus(1)),)})
    newer = await issue_bill(session, basis=december, first_month=NOVEMBER.plus(1))

    late = await report(bill, too_late - 2 * SECOND)
    status = (await read_bill(session, newer)).status
    prompt = await report(newer, newer.issued_at)

    assert (late, status, prompt) == (SETTLED, BillStatus.OPEN, SETTLED)
    assert [payment.order_id for payment in await booked()] == [bill.order_id, newer.order_id]
    assert await checks.find_faults(session) == []


async def test_months_of_a_payment_that_was_declined_are_unpaid_for_a_late_report(
    *,
    close_bill: CloseBill,
    report: Report,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    booked: Booked,
) -> None:
    bill, too_late = await close_bill("replaced")
    newer = await issue_bill(session, basis=basis, first_month=NOVEMBER)
    assert await report(newer, newer.issued_at) == SETTLED
    (allocation,) = await session.scalars(select(Allocation))
    declined = CoverageDeclined(
        allocation_id=allocation.id,
        payment_id=allocation.payment_id,
        bill_id=newer.id,
        member_id=newer.member_id,
        answer_no=1,
        counts_at=allocation.counts_at,
        reason_code="not_declared",
    )
    await on_coverage_answered(session, [declined])

    code = await report(bill, too_late - 2 * SECOND)

    assert code == SETTLED
    assert [payment.order_id for payment in await booked()] == [newer.order_id, bill.order_id]
    assert await checks.find_faults(session) == []


async def test_months_paid_from_suspense_are_paid_for_a_late_report_too(
    *,
    make_bank: Callable[..., Awaitable[Bank]],
    close_bill: CloseBill,
    report: Report,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    business_time: BusinessTime,
    tokens: Tokens,
) -> None:
    keeper = await make_bank(company_code="88002", keeps_refused_money=True)
    business_time.at(ISSUED - timedelta(hours=1))
    other = await issue_bill(session)
    await keeper.pay(payment_of(other, keeper.partner, amount=50_000))
    bill, too_late = await close_bill("replaced")
    newer = await session.scalar(select(Bill).where(Bill.status == "open", Bill.id != other.id))
    assert newer is not None
    (item_id,) = await session.scalars(select(Allocation.id))
    path = f"/v1/suspense-items/{item_id}/proposals"

    async def post(path: str, **body: str) -> dict[str, Any]:
        officer = tokens.make(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY})
        headers = {**officer, "Idempotency-Key": str(new_id())}
        answer = await keeper.client.post(path, json=body, headers=headers)
        decided: dict[str, Any] = answer.json()
        return decided

    proposal = await post(path, bill_id=str(newer.id))
    decided = await post(f"{path}/{proposal['id']}/decision", verdict="approved")

    assert (decided["status"], decided["bill_id"]) == ("approved", str(newer.id))
    assert await report(bill, too_late - 2 * SECOND) == CANCELLED
    assert await checks.find_faults(session) == []


async def test_of_two_late_reports_for_the_same_months_the_first_counts(
    *,
    close_bill: CloseBill,
    report: Report,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    booked: Booked,
    business_time: BusinessTime,
) -> None:
    first, too_late = await close_bill("cancelled")
    second = await issue_bill(session, basis=basis, first_month=NOVEMBER)
    business_time.at(CLOSED + timedelta(hours=1))
    await bills.cancel(session, ADMIN, second.id, reason=VoidReason.MEMBER_REQUEST)

    codes = [await report(second, second.issued_at), await report(first, too_late - 2 * SECOND)]

    assert codes == [SETTLED, CANCELLED]
    assert [payment.order_id for payment in await booked()] == [second.order_id]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("is_late_report_first", [True, False])
async def test_in_one_batch_the_first_of_two_payments_of_a_month_counts_as_one_after_the_other(
    *,
    close_bill: CloseBill,
    bank: Bank,
    flag: MakeFlag,
    take: Take,
    session: AsyncSession,
    issue_bill: IssueBill,
    basis: ContributionBasis,
    booked: Booked,
    business_time: BusinessTime,
    how: str,
    is_late_report_first: bool,
) -> None:
    bill, too_late = await close_bill(how)
    newer = await issue_bill(session, basis=basis, first_month=NOVEMBER)
    business_time.at(newer.issued_at + timedelta(hours=1))
    late = payment_of(bill, bank.partner, trxDateTime=jakarta(too_late - 2 * SECOND))
    prompt = payment_of(newer, bank.partner, trxDateTime=jakarta(newer.issued_at))
    contents = [late, prompt] if is_late_report_first else [prompt, late]

    outcomes = await take([flag(bank, content) for content in contents])

    refusal = CANCELLED if is_late_report_first or how != "ended" else ENDED
    assert [each.answer.response_code for each in outcomes] == [SETTLED, refusal]
    paid, other = (bill, newer) if is_late_report_first else (newer, bill)
    assert [payment.order_id for payment in await booked()] == [paid.order_id]
    assert (await read_bill(session, paid)).status is BillStatus.PAID
    unpaid = BillStatus.VOID if is_late_report_first or how == "cancelled" else BillStatus(how)
    assert (await read_bill(session, other)).status is unpaid
    assert await checks.find_faults(session) == []
