"""The same payment again, and what only looks like it (docs/snap.md, Idempotency)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from payment_service_tests.partner_bank import Bank, payment_of
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.payments.models import Payment
from snap_bi.profiles import ReplayAnswer
from snap_bi.readings import BankReading, read_payment_answer

Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
PAYMENT = "/transfer-va/payment"


def conflicts() -> float:
    return REGISTRY.get_sample_value("snap_payment_conflicts_total") or 0.0


@pytest.mark.parametrize("number", ["4711", "4712"])
async def test_a_repeat_gets_the_first_answer_byte_for_byte(
    bank: Bank, bill: BillOut, kept: Kept, booked: Booked, number: str
) -> None:
    message = payment_of(bill, bank.partner)
    first = await bank.pay(message, number="4711")

    second = await bank.pay(message, number=number)

    assert second.status_code == 200
    assert second.content == first.content
    assert len(await booked()) == 1
    first_kept, second_kept = await kept()
    assert second_kept.verdict is CallbackOutcome.REPEATED
    assert second_kept.first_id == first_kept.id


@pytest.mark.parametrize(
    "changes",
    [
        {"flagAdvise": "Y"},
        {"trxDateTime": "2026-01-01T00:00:00+07:00"},
        {"referenceNo": "another", "journalNum": "1", "channelCode": 6010},
        {"journalNum": 123456},
        {"additionalInfo": {"a": "b"}, "freeTexts": [{"english": "x", "indonesia": "y"}]},
        {"partnerServiceId": "88001   "},
        {"trxId": "", "paidBills": None},
        {"totalAmount": {"value": "1.00", "currency": "IDR"}},
    ],
)
async def test_what_may_differ_in_an_honest_repeat_changes_nothing(
    bank: Bank, bill: BillOut, booked: Booked, changes: dict[str, Any]
) -> None:
    message = payment_of(bill, bank.partner)
    first = await bank.pay(message)

    second = await bank.pay({**message, **changes})

    assert second.content == first.content
    assert len(await booked()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"paidAmount": {"value": "1.00", "currency": "IDR"}},
        {"partnerServiceId": "   88009", "virtualAccountNo": "   88009" + "1" * 18},
        {"virtualAccountNo": "   88001" + "1" * 18, "customerNo": "1" * 18},
        {"trxId": "other"},
        {"paidBills": "95000"},
    ],
)
async def test_other_content_under_a_settled_request_books_nothing_and_raises_an_alarm(
    bank: Bank, bill: BillOut, kept: Kept, booked: Booked, changes: dict[str, Any]
) -> None:
    message = payment_of(bill, bank.partner)
    await bank.pay(message)
    before = conflicts()

    second = await bank.pay({**message, **changes})

    assert second.status_code == 404
    body = second.json()
    assert body["responseCode"] == "4042518"
    assert body["virtualAccountData"]["paymentFlagStatus"] == "01"
    own = {name: {**message, **changes}[name] for name in ("customerNo", "virtualAccountNo")}
    assert body["virtualAccountData"].items() >= own.items()
    assert conflicts() == before + 1
    assert (await kept())[-1].verdict is CallbackOutcome.CONFLICT
    assert len(await booked()) == 1


async def test_the_request_of_one_bill_cannot_pay_another(
    bank: Bank, session: AsyncSession, issue_bill: IssueBill, booked: Booked
) -> None:
    one, other = await issue_bill(session), await issue_bill(session)
    message = payment_of(one, bank.partner)
    await bank.pay(message)

    answer = await bank.pay(
        payment_of(other, bank.partner, paymentRequestId=message["paymentRequestId"])
    )

    assert answer.json()["responseCode"] == "4042518"
    assert answer.json()["virtualAccountData"]["paymentFlagStatus"] == "01"
    assert answer.json()["virtualAccountData"]["customerNo"] != message["customerNo"]
    assert [payment.order_id for payment in await booked()] == [one.order_id]


async def test_two_banks_may_use_the_same_request_id(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, booked: Booked
) -> None:
    first, second = await make_bank(), await make_bank(company_code="88002")
    one, other = await issue_bill(session), await issue_bill(session)

    answers = [
        await first.pay(payment_of(one, first.partner, paymentRequestId="same"), number="1"),
        await second.pay(payment_of(other, second.partner, paymentRequestId="same"), number="1"),
    ]

    assert [answer.json()["responseCode"] for answer in answers] == ["2002500", "2002500"]
    assert len(await booked()) == 2


async def test_a_refused_payment_may_be_made_right_under_the_same_request(
    bank: Bank, bill: BillOut, booked: Booked
) -> None:
    wrong = payment_of(bill, bank.partner, amount=1)
    right = payment_of(bill, bank.partner, paymentRequestId=wrong["paymentRequestId"])

    refused = await bank.pay(wrong)
    paid = await bank.pay(right)

    assert refused.json()["responseCode"] == "4042513"
    assert paid.json()["responseCode"] == "2002500"
    assert len(await booked()) == 1


async def test_an_exact_repeat_of_a_refusal_is_refused_again_whatever_has_changed(
    bank: Bank, bill: BillOut, session: AsyncSession, booked: Booked
) -> None:
    # The bank has given the customer the money back: a late copy must not be booked.
    message = payment_of(bill, bank.partner)
    bank.partner.status = PartnerStatus.SUSPENDED
    await session.flush()
    first = await bank.pay(message)
    bank.partner.status = PartnerStatus.ACTIVE
    await session.flush()

    second = await bank.pay(message)

    assert first.json()["responseCode"] == "4032501"
    assert second.content == first.content
    assert await booked() == []


async def test_a_suspended_partner_still_hears_that_its_payment_stands(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    message = payment_of(bill, bank.partner)
    first = await bank.pay(message)
    bank.partner.status = PartnerStatus.SUSPENDED
    await session.flush()
    bank.token = ""

    second = await bank.pay(message)

    assert second.content == first.content


async def test_a_message_turned_back_for_its_form_may_be_sent_again(
    bank: Bank, bill: BillOut, kept: Kept
) -> None:
    message = payment_of(bill, bank.partner)
    await bank.pay({**message, "paidAmount": None}, number="4711")

    answer = await bank.pay(message, number="4711")

    assert answer.json()["responseCode"] == "2002500"
    verdicts = [each.verdict for each in await kept()]
    assert verdicts == [CallbackOutcome.TURNED_BACK, CallbackOutcome.SETTLED]


@pytest.mark.parametrize(
    ("number", "code"),
    [("4711", "4042518"), ("4712", "2002500")],
)
async def test_a_bank_that_wants_doubles_called_inconsistent_still_reads_them_as_paid(
    make_bank: MakeBank,
    session: AsyncSession,
    issue_bill: IssueBill,
    booked: Booked,
    number: str,
    code: str,
) -> None:
    answer_wanted = ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT
    bank = await make_bank(profile="bca", replay_answer=answer_wanted)
    bill = await issue_bill(session)
    message = payment_of(bill, bank.partner)
    first = await bank.pay(message, number="4711")

    second = await bank.pay(message, number=number)

    assert second.json()["responseCode"] == code
    assert second.json()["virtualAccountData"] == first.json()["virtualAccountData"]
    assert read_payment_answer(bank.profile, second.content) is BankReading.PAID
    assert len(await booked()) == 1


@pytest.mark.parametrize("profile", ["bri", "generic-rsa"])
async def test_other_profiles_pay_and_repeat_with_the_stored_answer(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, profile: str
) -> None:
    bank = await make_bank(profile=profile, replay_answer=ReplayAnswer.STORED_SUCCESS)
    bill = await issue_bill(session)
    message = payment_of(bill, bank.partner)

    answers = [await bank.pay(message, number="4711") for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert json.loads(answers[0].content)["responseCode"] == "2002500"
    assert read_payment_answer(bank.profile, answers[1].content) is BankReading.PAID
