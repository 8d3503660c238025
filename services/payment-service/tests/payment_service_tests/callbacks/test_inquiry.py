"""Service 24: what a bank learns of a bill."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from perisai_kit.domain import clock

Kept = Callable[[], Awaitable[list[Callback]]]


async def test_an_inquiry_is_answered_from_the_bill(bank: Bank, bill: BillOut) -> None:
    message = inquiry_of(bill, bank.partner)

    answer = await bank.inquire(message)

    assert answer.status_code == 200
    body = answer.json()
    assert body["responseCode"] == "2002400"
    data = body["virtualAccountData"]
    assert data["inquiryStatus"] == "00"
    assert data["virtualAccountName"] == "Siti Aminah"
    assert data["totalAmount"] == {"value": f"{bill.amount}.00", "currency": "IDR"}
    assert data["virtualAccountTrxType"] == "C"
    for name in ("partnerServiceId", "customerNo", "virtualAccountNo", "inquiryRequestId"):
        assert data[name] == message[name]


async def test_an_inquiry_changes_nothing_but_is_kept(
    bank: Bank, bill: BillOut, kept: Kept
) -> None:
    await bank.inquire(inquiry_of(bill, bank.partner))

    (callback,) = await kept()
    assert callback.verdict is CallbackOutcome.ANSWERED
    assert callback.service == "24"
    assert callback.payment_id is None


async def test_a_paid_bill_is_no_longer_offered(bank: Bank, bill: BillOut) -> None:
    await bank.pay(payment_of(bill, bank.partner))

    answer = await bank.inquire(inquiry_of(bill, bank.partner))

    assert answer.json()["responseCode"] == "4042414"
    assert answer.json()["virtualAccountData"]["inquiryStatus"] == "01"
    assert answer.json()["virtualAccountData"]["inquiryReason"]["indonesia"]


async def test_an_ended_bill_is_no_longer_offered(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    earlier = clock.now() - timedelta(minutes=1)
    await session.execute(update(Bill).values(expires_at=earlier))

    answer = await bank.inquire(inquiry_of(bill, bank.partner))

    assert answer.json()["responseCode"] == "4042419"


async def test_a_cancelled_bill_is_not_offered(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    await session.execute(
        update(Bill).values(
            status=BillStatus.VOID,
            withdrawn_at=clock.now(),
            void_reason=VoidReason.WRONG_DATA,
        )
    )

    answer = await bank.inquire(inquiry_of(bill, bank.partner))

    assert answer.json()["responseCode"] == "4042412"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {"customerNo": "999999999999999999", "virtualAccountNo": "   88001" + "9" * 18},
            "4042412",
        ),
        ({"virtualAccountNo": "   88001123"}, "4042411"),
        ({"partnerServiceId": "   77777"}, "4042416"),
        ({"inquiryRequestId": None}, "4002402"),
        ({"inquiryRequestId": "x" * 129}, "4002401"),
        ({"virtualAccountNo": ""}, "4002402"),
        ({"virtualAccountNo": "88001-1"}, "4002401"),
        ({"customerNo": 123}, "4002401"),
        ({"amount": {"value": "1.00", "currency": "USD"}}, "4002401"),
        ({"amount": []}, "4002401"),
    ],
)
async def test_a_wrong_inquiry_is_refused_with_its_ids(
    bank: Bank, bill: BillOut, changes: dict[str, object], code: str
) -> None:
    message = inquiry_of(bill, bank.partner, **changes)

    answer = await bank.inquire(message)

    assert answer.status_code == int(code[:3])
    body = answer.json()
    assert body["responseCode"] == code
    data = body["virtualAccountData"]
    assert data["inquiryStatus"] == "01"
    assert data["inquiryReason"]["english"]
    assert data["partnerServiceId"] == message["partnerServiceId"]


async def test_an_external_id_is_used_up_for_the_day(bank: Bank, bill: BillOut) -> None:
    first = await bank.inquire(inquiry_of(bill, bank.partner), number="4711")
    second = await bank.inquire(inquiry_of(bill, bank.partner), number="4711")

    assert first.json()["responseCode"] == "2002400"
    assert second.json()["responseCode"] == "4092400"
    assert second.json()["virtualAccountData"]["inquiryStatus"] == "01"


async def test_an_external_id_counts_per_service(bank: Bank, bill: BillOut) -> None:
    await bank.inquire(inquiry_of(bill, bank.partner), number="4711")

    answer = await bank.pay(payment_of(bill, bank.partner), number="4711")

    assert answer.json()["responseCode"] == "2002500"


async def test_a_bad_signature_uses_up_no_external_id(bank: Bank, bill: BillOut) -> None:
    await bank.inquire(inquiry_of(bill, bank.partner), number="4711", x_signature="AAAA")

    answer = await bank.inquire(inquiry_of(bill, bank.partner), number="4711")

    assert answer.json()["responseCode"] == "2002400"


async def test_a_suspended_partner_gets_an_answer_of_its_own(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    bank.partner.status = PartnerStatus.SUSPENDED
    await session.flush()

    answer = await bank.inquire(inquiry_of(bill, bank.partner))

    assert answer.status_code == 403
    assert answer.json()["responseCode"] == "4032401"


async def test_another_banks_account_is_unknown(
    bank: Bank,
    bill: BillOut,
    make_bank: Callable[..., Awaitable[Bank]],
) -> None:
    other = await make_bank(company_code="88002")
    ours = inquiry_of(bill, bank.partner)
    theirs = {
        "partnerServiceId": "   88002",
        "virtualAccountNo": "   88002" + ours["customerNo"],
    }

    answer = await other.inquire({**ours, **theirs})

    assert answer.json()["responseCode"] == "4042412"
