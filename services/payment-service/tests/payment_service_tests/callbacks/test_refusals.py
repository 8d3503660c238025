"""Service 25: everything that is not a payment, and what the bank reads then."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.payments.models import Payment
from perisai_kit.domain import clock
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.readings import BankReading, read_payment_answer

Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
IDR = "IDR"


@pytest.fixture
def partner_cache_s() -> float:
    return 0


def assert_refused(bank: Bank, answer: httpx.Response, code: str) -> None:
    body = answer.json()
    assert body["responseCode"] == code
    assert answer.status_code == int(code[:3])
    assert read_payment_answer(bank.profile, answer.content) is BankReading.REJECTED
    data = body["virtualAccountData"]
    assert data["paymentFlagStatus"] == "01"
    assert data["paymentFlagReason"]["english"]
    assert data["paymentFlagReason"]["indonesia"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"paidAmount": {"value": "1.00", "currency": IDR}}, "4042513"),
        ({"paidAmount": {"value": "9999999999999999.00", "currency": IDR}}, "4042513"),
        ({"paidAmount": {"value": "0.00", "currency": IDR}}, "4042513"),
        ({"customerNo": "9" * 18, "virtualAccountNo": "   88001" + "9" * 18}, "4042512"),
        ({"virtualAccountNo": "   88001123"}, "4042511"),
        ({"partnerServiceId": "   77777"}, "4042516"),
    ],
)
async def test_a_payment_that_no_bill_takes_is_refused_and_kept(
    bank: Bank,
    bill: BillOut,
    kept: Kept,
    booked: Booked,
    changes: dict[str, Any],
    code: str,
) -> None:
    message = payment_of(bill, bank.partner, **changes)

    answer = await bank.pay(message)

    assert_refused(bank, answer, code)
    data = answer.json()["virtualAccountData"]
    for name in ("partnerServiceId", "customerNo", "virtualAccountNo", "paymentRequestId"):
        assert data[name] == message[name]
    assert await booked() == []
    assert [each.response_code for each in await kept()] == [code]


BADLY_FORMED: list[tuple[dict[str, Any], str]] = [
    ({"paymentRequestId": None}, "4002502"),
    ({"paymentRequestId": ""}, "4002502"),
    ({"paidAmount": None}, "4002502"),
    ({"paidAmount": {}}, "4002502"),
    ({"paidAmount": {"value": "1.00"}}, "4002502"),
    ({"partnerServiceId": None}, "4002502"),
    ({"paymentRequestId": "x" * 129}, "4002501"),
    ({"paymentRequestId": 7}, "4002501"),
    ({"paymentRequestId": "a\x00b"}, "4002501"),
    ({"paidAmount": {"value": "36800", "currency": IDR}}, "4002501"),
    ({"paidAmount": {"value": 36800.0, "currency": IDR}}, "4002501"),
    ({"paidAmount": {"value": "36800.50", "currency": IDR}}, "4002501"),
    ({"paidAmount": {"value": "-36800.00", "currency": IDR}}, "4002501"),
    ({"paidAmount": {"value": "92233720368547758070.00", "currency": IDR}}, "4002501"),
    ({"paidAmount": {"value": "1e5", "currency": IDR}}, "4002501"),
    ({"paidAmount": {"value": "36800.00", "currency": "USD"}}, "4002501"),
    ({"paidAmount": "36800.00"}, "4002501"),
    ({"paidAmount": [36800]}, "4002501"),
    ({"trxDateTime": "20261122"}, "4002501"),
    ({"trxDateTime": "2026-11-22T10:00:00"}, "4002501"),
    ({"virtualAccountNo": "eighty"}, "4002501"),
    ({"trxId": 7}, "4002501"),
    ({"paidAmount": []}, "4002501"),
    ({"paid_amount": {"value": "1.00", "currency": IDR}}, "4002502"),
    ({"paidAmount": None, "paid_amount": {"value": "1.00", "currency": IDR}}, "4002502"),
    ({"PaymentRequestId": "another"}, "4002502"),
]


async def test_a_badly_formed_payment_is_refused(bank: Bank, bill: BillOut, booked: Booked) -> None:
    answers = [
        await bank.pay(payment_of(bill, bank.partner, **changes)) for changes, _ in BADLY_FORMED
    ]

    assert [answer.json()["responseCode"] for answer in answers] == [
        each[1] for each in BADLY_FORMED
    ]
    for answer, (_, code) in zip(answers, BADLY_FORMED, strict=True):
        assert_refused(bank, answer, code)
    assert await booked() == []


NO_OBJECTS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b"\xef\xbb\xbf[]",
    b"\xef\xbb\xbf\xef\xbb\xbf{}",
    b'{"a":NaN}',
    b'{"a":1,"a":1}',
    b'{"a":{"b":1,"b":2}}',
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b'{"a":' + b"1" * 20_000 + b"}",
]


@pytest.mark.parametrize(
    ("changes", "request_id", "offered"),
    [
        ({"trxDateTime": "yesterday"}, "as-sent", 36_800),
        ({"paidAmount": {"value": "200000.2", "currency": IDR}}, "as-sent", None),
        ({"paidAmount": {"value": "200000.50", "currency": IDR}}, "as-sent", None),
        ({"paidAmount": []}, "as-sent", None),
        ({"paymentRequestId": 12, "inquiryRequestId": "another"}, None, 36_800),
        ({"paymentRequestId": "a\nb"}, None, 36_800),
    ],
)
async def test_what_can_be_read_of_a_badly_formed_payment_is_kept(
    *,
    bank: Bank,
    bill: BillOut,
    kept: Kept,
    changes: dict[str, Any],
    request_id: str | None,
    offered: int | None,
) -> None:
    usual = payment_of(bill, bank.partner, amount=36_800, paymentRequestId="as-sent")

    answer = await bank.pay({**usual, **changes})

    assert answer.json()["responseCode"] == "4002501"
    (message,) = await kept()
    assert (message.request_id, message.offered_amount) == (request_id, offered)


async def test_of_a_badly_formed_inquiry_the_request_id_is_kept(
    bank: Bank, bill: BillOut, kept: Kept
) -> None:
    asked = inquiry_of(bill, bank.partner, inquiryRequestId="as-sent", customerNo="x")

    assert (await bank.inquire(asked)).json()["responseCode"] == "4002401"

    (message,) = await kept()
    assert (message.request_id, message.offered_amount) == ("as-sent", None)


async def test_what_is_not_one_json_object_is_a_bad_request(
    bank: Bank, bill: BillOut, kept: Kept
) -> None:
    for content in NO_OBJECTS:
        assert_refused(bank, await bank.send("/transfer-va/payment", content), "4002500")

    assert [each.body for each in await kept()] == NO_OBJECTS


async def test_a_duplicate_amount_is_refused_although_it_is_signed(
    bank: Bank, bill: BillOut, booked: Booked
) -> None:
    text = json.dumps(payment_of(bill, bank.partner))
    doubled = text[:-1] + ',"paidAmount":{"value":"1.00","currency":"IDR"}}'

    answer = await bank.send("/transfer-va/payment", doubled.encode())

    assert_refused(bank, answer, "4002500")
    assert await booked() == []


async def test_an_ended_bill_takes_no_payment(
    bank: Bank, bill: BillOut, session: AsyncSession, booked: Booked
) -> None:
    await session.execute(update(Bill).values(expires_at=clock.now() - timedelta(minutes=1)))

    answer = await bank.pay(payment_of(bill, bank.partner))

    assert_refused(bank, answer, "4042519")
    assert await booked() == []


async def test_a_bill_that_another_payment_paid_is_a_paid_bill(
    bank: Bank, bill: BillOut, booked: Booked
) -> None:
    await bank.pay(payment_of(bill, bank.partner))

    answer = await bank.pay(payment_of(bill, bank.partner))

    assert_refused(bank, answer, "4042514")
    assert len(await booked()) == 1


async def test_an_external_id_of_another_payment_is_a_conflict(
    bank: Bank, bill: BillOut, booked: Booked
) -> None:
    wrong = payment_of(bill, bank.partner, amount=1)
    await bank.pay(wrong, number="4711")

    answer = await bank.pay(payment_of(bill, bank.partner), number="4711")

    assert_refused(bank, answer, "4092500")
    assert await booked() == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x_signature": None}, "4002502"),
        ({"x_timestamp": None}, "4002502"),
        ({"x_external_id": None}, "4002502"),
        ({"x_partner_id": None}, "4002502"),
        ({"channel_id": None}, "4002502"),
        ({"x_timestamp": "now"}, "4002501"),
        ({"x_timestamp": "2026-11-22T10:00:00"}, "4002501"),
        ({"x_external_id": "1" * 37}, "4002501"),
        ({"x_external_id": "abc"}, "4002501"),
    ],
)
async def test_wrong_headers_are_refused_with_the_ids(
    bank: Bank, bill: BillOut, kept: Kept, headers: dict[str, str | None], code: str
) -> None:
    message = payment_of(bill, bank.partner)

    answer = await bank.pay(message, **headers)

    assert_refused(bank, answer, code)
    echoed = answer.json()["virtualAccountData"]["paymentRequestId"]
    assert echoed == message["paymentRequestId"]
    assert await kept() == []


@pytest.mark.parametrize(
    ("headers", "code", "reason"),
    [
        ({"authorization": None}, "4012501", "Invalid Token (B2B)"),
        ({"authorization": "Bearer nothing"}, "4012501", "Invalid Token (B2B)"),
        ({"authorization": "Bearer "}, "4012501", "Invalid Token (B2B)"),
        ({"x_signature": "garbage"}, "4012500", "Unauthorized. [Signature]"),
        ({"x_signature": "0" * 128}, "4012500", "Unauthorized. [Signature]"),
        ({"x_partner_id": "nobody"}, "4012500", "Unauthorized. [Unknown client]"),
        ({"x_client_key": "nobody"}, "4012500", "Unauthorized. [Unknown client]"),
    ],
)
async def test_who_is_not_proven_gets_no_account_data_and_leaves_nothing(
    *,
    bank: Bank,
    bill: BillOut,
    kept: Kept,
    booked: Booked,
    headers: dict[str, str | None],
    code: str,
    reason: str,
) -> None:
    answer = await bank.pay(payment_of(bill, bank.partner), **headers)

    assert answer.status_code == 401
    assert answer.json() == {"responseCode": code, "responseMessage": reason}
    assert await kept() == []
    assert await booked() == []


@pytest.mark.parametrize("late_s", [-400, 400])
async def test_a_message_too_early_or_too_late_is_not_believed(
    bank: Bank, bill: BillOut, late_s: int
) -> None:
    at = clock.real_now() - timedelta(seconds=late_s)

    answer = await bank.pay(payment_of(bill, bank.partner), at=at)

    assert answer.json()["responseCode"] == "4012500"
    assert answer.json()["responseMessage"] == "Unauthorized. [Timestamp]"


async def test_a_tampered_body_is_not_believed(bank: Bank, bill: BillOut, booked: Booked) -> None:
    content = json.dumps(payment_of(bill, bank.partner)).encode()

    answer = await bank.send(
        "/transfer-va/payment", content, sent=content.replace(b"6011", b"6012")
    )

    assert answer.json()["responseCode"] == "4012500"
    assert await booked() == []


async def test_another_banks_token_is_not_believed(
    bank: Bank, bill: BillOut, make_bank: Callable[..., Awaitable[Bank]]
) -> None:
    other = await make_bank(company_code="88002")

    answer = await bank.pay(payment_of(bill, bank.partner), token=await other.take_token())

    assert answer.json()["responseCode"] == "4012500"


@pytest.mark.parametrize("profile", PROFILES)
async def test_junk_under_a_wrong_signature_uses_up_no_external_id(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, profile: str
) -> None:
    bank = await make_bank(profile=profile, replay_answer=ReplayAnswer.STORED_SUCCESS)
    bill = await issue_bill(session)
    message = payment_of(bill, bank.partner)

    junk = await bank.pay({"junk": 1}, number="4711", x_signature="0" * 128)
    forged = await bank.pay(message, number="4711", x_signature="0" * 128)
    paid = await bank.pay(message, number="4711")

    codes = [answer.json()["responseCode"] for answer in (junk, forged, paid)]
    assert codes == ["4012500", "4012500", "2002500"]


async def test_two_banks_that_gave_us_one_company_code_are_distinguished(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, booked: Booked
) -> None:
    asymmetric = await make_bank(profile="generic-rsa")
    symmetric = await make_bank(profile="generic-hmac")
    code = symmetric.partner.company_code
    bills = [await issue_bill(session) for _ in range(2)]

    answers = [
        await symmetric.pay(payment_of(bills[0], symmetric.partner), x_partner_id=code),
        await asymmetric.pay(payment_of(bills[1], asymmetric.partner), x_partner_id=code),
        # An invalid token is not taken for the other bank's missing one.
        await symmetric.pay(payment_of(bills[1], symmetric.partner), x_partner_id=code, token="x"),
    ]

    codes = [answer.json()["responseCode"] for answer in answers]
    assert asymmetric.partner.company_code == code
    assert codes == ["2002500", "2002500", "4012501"]
    assert len(await booked()) == 2


async def test_a_bank_at_an_address_that_is_not_allowed_is_refused(
    bank: Bank, bill: BillOut, session: AsyncSession, booked: Booked
) -> None:
    await bank.take_token()
    bank.partner.allowed_sources = ["203.0.113.7"]
    await session.flush()

    refused = await bank.pay(payment_of(bill, bank.partner))
    paid = await bank.pay(payment_of(bill, bank.partner), x_forwarded_for="203.0.113.7")

    assert refused.json()["responseMessage"] == "Unauthorized. [Connection not allowed]"
    assert paid.json()["responseCode"] == "2002500"
    assert len(await booked()) == 1
