"""When a payment counts, whatever time the bank writes. Issued at noon, reported three hours later.

What banks really send stands in the cases: a clock that was never set, another century, local time
written with Z, a month back.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, make_offer, payment_of
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.bills import service as bills
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.payments.models import Payment
from payment_service.payments.rules import BankTimeUse
from payment_service.receipts import service as receipts
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA, jakarta_date, midnight
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Tokens

ISSUED = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
RECEIVED = ISSUED + timedelta(hours=3)
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBank = Callable[..., Awaitable[Bank]]
MakeBasis = Callable[..., ContributionBasis]
Booked = Callable[[], Awaitable[list[Payment]]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


def jakarta(at: datetime) -> str:
    return at.astimezone(JAKARTA).isoformat(timespec="seconds")


def uses(use: BankTimeUse) -> float:
    labels = {"use": use.value}
    return REGISTRY.get_sample_value("snap_payment_bank_times_total", labels) or 0.0


@pytest.fixture
async def report_payment(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    booked: Booked,
    business_time: BusinessTime,
) -> Callable[[str | None], Awaitable[tuple[BillOut, Payment]]]:
    """Let the bank report a payment with this trxDateTime; return the bill and the payment."""

    async def report(trx_date_time: str | None) -> tuple[BillOut, Payment]:
        business_time.at(ISSUED)
        bill = await issue_bill(session)
        business_time.at(RECEIVED)
        answer = await bank.pay(payment_of(bill, bank.partner, trxDateTime=trx_date_time))
        assert answer.json()["responseCode"] == "2002500"
        (payment,) = await booked()
        return bill, payment

    return report


ReportPayment = Callable[[str | None], Awaitable[tuple[BillOut, Payment]]]


@pytest.mark.parametrize(
    "trx_date_time",
    [
        "2020-12-31T23:59:59+07:00",
        "1900-01-02T00:00:00+07:00",
        "2062-11-30T13:00:00+07:00",
        "2026-11-30T15:00:00Z",  # local time written with Z: seven hours ahead
        "2026-10-30T15:00:00+07:00",
        "2026-11-30T11:49:59+07:00",  # more than ten minutes before the issue
        "2026-11-30T15:11:00+07:00",  # 11 minutes after the receipt
    ],
)
async def test_a_time_that_cannot_be_gives_way_to_the_time_of_receipt(
    report_payment: ReportPayment, session: AsyncSession, published: Published, trx_date_time: str
) -> None:
    before = uses(BankTimeUse.TOO_FAR)

    bill, payment = await report_payment(trx_date_time)

    assert payment.paid_at == payment.received_at
    assert payment.trx_date_time == datetime.fromisoformat(trx_date_time)
    assert uses(BankTimeUse.TOO_FAR) == before + 1
    await assert_counts_everywhere(session, bill, payment, published)


async def test_a_time_between_issue_and_receipt_counts(
    report_payment: ReportPayment, session: AsyncSession, published: Published
) -> None:
    before = uses(BankTimeUse.AS_SENT)

    bill, payment = await report_payment(jakarta(ISSUED + timedelta(hours=1)))

    assert payment.paid_at == payment.trx_date_time == ISSUED + timedelta(hours=1)
    assert uses(BankTimeUse.AS_SENT) == before + 1
    await assert_counts_everywhere(session, bill, payment, published)


async def test_a_time_five_minutes_before_the_issue_counts_at_the_issue(
    report_payment: ReportPayment, session: AsyncSession, published: Published
) -> None:
    before = uses(BankTimeUse.CLAMPED)

    bill, payment = await report_payment(jakarta(ISSUED - timedelta(minutes=5)))

    assert payment.paid_at == bill.issued_at
    assert payment.trx_date_time == ISSUED - timedelta(minutes=5)
    assert uses(BankTimeUse.CLAMPED) == before + 1
    await assert_counts_everywhere(session, bill, payment, published)


async def test_a_time_nine_minutes_after_the_receipt_counts_at_the_receipt(
    report_payment: ReportPayment,
) -> None:
    _, payment = await report_payment(jakarta(RECEIVED + timedelta(minutes=9)))

    assert payment.paid_at == payment.received_at
    assert payment.trx_date_time == RECEIVED + timedelta(minutes=9)


async def test_without_a_time_the_receipt_counts(report_payment: ReportPayment) -> None:
    _, payment = await report_payment(None)

    assert payment.trx_date_time is None
    assert payment.paid_at == payment.received_at


async def test_the_times_of_a_bank_that_is_not_trusted_never_count(
    make_bank: MakeBank,
    session: AsyncSession,
    issue_bill: IssueBill,
    booked: Booked,
    business_time: BusinessTime,
) -> None:
    bank = await make_bank(trust_bank_time=False)
    business_time.at(ISSUED)
    bill = await issue_bill(session)
    business_time.at(RECEIVED)

    stated = jakarta(ISSUED + timedelta(hours=1))
    await bank.pay(payment_of(bill, bank.partner, trxDateTime=stated))

    (payment,) = await booked()
    assert payment.paid_at == payment.received_at
    assert payment.trx_date_time == ISSUED + timedelta(hours=1)


async def test_a_payment_shows_the_banks_time_beside_the_one_that_counts(
    report_payment: ReportPayment, bank: Bank, tokens: Tokens
) -> None:
    _, payment = await report_payment("2020-12-31T23:59:59+07:00")

    answer = await bank.client.get(f"/v1/payments/{payment.id}", headers=tokens.make(Role.ADMIN))

    shown = {
        name: datetime.fromisoformat(answer.json()[name])
        for name in ("trx_date_time", "received_at", "paid_at")
    }
    assert shown["trx_date_time"] == datetime(2020, 12, 31, 16, 59, 59, tzinfo=UTC)
    assert shown["paid_at"] == shown["received_at"] == payment.received_at


@pytest.mark.parametrize(
    ("paid_before_end", "code"),
    [(timedelta(seconds=1), "2002500"), (timedelta(), "4042519")],
    ids=["in time", "at its end"],
)
async def test_a_bill_is_paid_in_time_by_the_time_that_counts_however_late_that_is_reported(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    business_time: BusinessTime,
    paid_before_end: timedelta,
    code: str,
) -> None:
    business_time.at(ISSUED)
    bill = await issue_bill(session)
    end = datetime.fromisoformat("2026-12-07T12:00:00+07:00")
    await session.execute(text("UPDATE bills SET expires_at = :end"), {"end": end})
    business_time.at(end + timedelta(hours=20))

    answer = await bank.pay(
        payment_of(bill, bank.partner, trxDateTime=jakarta(end - paid_before_end))
    )

    assert answer.json()["responseCode"] == code


async def test_a_wrong_time_does_not_bring_back_a_bill_that_has_ended(
    bank: Bank, session: AsyncSession, issue_bill: IssueBill, business_time: BusinessTime
) -> None:
    business_time.at(ISSUED)
    bill = await issue_bill(session)
    business_time.at(ISSUED + timedelta(days=8))

    answer = await bank.pay(payment_of(bill, bank.partner, trxDateTime="2020-12-31T23:59:59+07:00"))

    assert answer.json()["responseCode"] == "4042519"


async def test_a_bill_of_arrears_ends_before_the_lapse_and_what_is_paid_later_is_refused(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    business_time: BusinessTime,
) -> None:
    october, lapse = Month(2026, 10), midnight(date(2027, 1, 1))
    business_time.at(lapse - timedelta(days=2))
    basis = make_basis(offers=[make_offer(october, pay_before=lapse)])
    bill = await issue_bill(session, basis=basis, first_month=october)
    business_time.at(lapse + timedelta(days=1))

    asked = await bank.inquire(inquiry_of(bill, bank.partner))
    paid = await bank.pay(payment_of(bill, bank.partner))

    assert bill.expires_at == lapse
    assert [each.json()["responseCode"] for each in (asked, paid)] == ["4042419", "4042519"]


async def assert_counts_everywhere(
    session: AsyncSession, bill: BillOut, payment: Payment, published: Published
) -> None:
    """Bill, receipt, ledger and event say the instant that counts, and its Jakarta day."""
    settled = await bills.get(session, ADMIN, bill.id)
    assert (settled.status, settled.paid_at) == (BillStatus.PAID, payment.paid_at)
    receipt = await receipts.get_receipt(session, ADMIN, payment.id, bill_id=bill.id)
    assert receipt.paid_at == payment.paid_at
    counted = await session.scalars(text("SELECT counts_at FROM allocations"))
    assert counted.all() == [payment.paid_at]
    days = await session.scalars(text("SELECT DISTINCT business_on FROM ledger_transfers"))
    assert days.all() == [jakarta_date(payment.paid_at)]
    _, data = (await published(session))[-1]
    assert datetime.fromisoformat(data["counts_at"]) == payment.paid_at
    assert datetime.fromisoformat(data["issued_at"]) == bill.issued_at
    assert await checks.find_faults(session) == []
