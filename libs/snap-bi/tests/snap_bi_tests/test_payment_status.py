"""Service 26, our side: the status of a payment, and answers that do not state it."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from snap_bi_tests.bank import Bank, Reply, make_client

from snap_bi.client import BankClient
from snap_bi.outcomes import BankPaymentStatus, Outcome
from snap_bi.profiles import BCA, BRI, GENERIC_HMAC, GENERIC_RSA, PROFILES, Profile
from snap_bi.virtual_account import VirtualAccount, issue

ASKED = "20261108101500123456"
IDR = "IDR"
Connect = Callable[[Bank, Profile], BankClient]


@pytest.fixture
def connect(private_key: RSAPrivateKey, now: datetime) -> Connect:
    return lambda bank, profile: make_client(bank, profile, private_key, now)


def account(profile: Profile = GENERIC_RSA) -> VirtualAccount:
    return issue("12345", 7, profile)


OWN_NO = account().customer_no


def status_answer(
    code: str = "2002600", *, profile: Profile = GENERIC_RSA, **data: Any
) -> httpx.Response:
    known = {
        "paymentFlagStatus": "00",
        "virtualAccountNo": account(profile).padded,
        "paymentRequestId": ASKED,
        "paidAmount": {"value": "36800.00", "currency": IDR},
    }
    whole = {name: value for name, value in {**known, **data}.items() if value is not None}
    content = {"responseCode": code, "responseMessage": "m", "virtualAccountData": whole}
    return httpx.Response(int(code[:3]), json=content)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
async def test_a_bank_is_asked_at_its_own_address_by_the_ids_of_the_payment(
    connect: Connect, profile: Profile
) -> None:
    bank = Bank(status_answer(profile=profile))

    found = await connect(bank, profile).inquire_payment(account(profile), payment_request_id=ASKED)

    assert found.status is BankPaymentStatus.PAID
    assert found.answer is not None
    assert found.answer.paid_amount is not None
    assert found.answer.paid_amount.rupiah == 36_800
    (request,) = bank.requests
    assert request.url.path == profile.payment_status_path
    assert ("Authorization" in request.headers) is profile.needs_token
    assert json.loads(request.content) == {
        "partnerServiceId": "   12345",
        "customerNo": account(profile).customer_no,
        "virtualAccountNo": account(profile).padded,
        "inquiryRequestId": ASKED,
        "paymentRequestId": ASKED,
    }


def test_each_bank_has_its_own_address_for_the_question() -> None:
    paths = {each.name: each.payment_status_path for each in (GENERIC_HMAC, GENERIC_RSA, BCA, BRI)}

    assert paths == {
        "generic-hmac": "/snap/v1.0/transfer-va/status",
        "generic-rsa": "/snap/v1.0/transfer-va/status",
        "bca": "/openapi/v1.0/transfer-va/status",
        "bri": "/snap/v1.0/transfer-va/status",
    }


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (status_answer(paymentFlagStatus="00"), BankPaymentStatus.PAID),
        (status_answer(paymentFlagStatus="01"), BankPaymentStatus.REJECTED),
        (status_answer(paymentFlagStatus="02"), BankPaymentStatus.TIMED_OUT),
        (status_answer(paymentFlagStatus="03"), BankPaymentStatus.PENDING),
        (status_answer("4042601"), BankPaymentStatus.NOT_FOUND),
        # Anything unclear is unknown.
        (status_answer(paymentFlagStatus="09"), BankPaymentStatus.UNKNOWN),
        (status_answer(paymentFlagStatus=None), BankPaymentStatus.UNKNOWN),
        (status_answer("2022600"), BankPaymentStatus.UNKNOWN),
        (status_answer("2002500"), BankPaymentStatus.UNKNOWN),
        (status_answer("4042501"), BankPaymentStatus.UNKNOWN),
        (status_answer("4002601"), BankPaymentStatus.UNKNOWN),
        (status_answer("4012600"), BankPaymentStatus.UNKNOWN),
        (status_answer("5002600"), BankPaymentStatus.UNKNOWN),
        (httpx.Response(504), BankPaymentStatus.UNKNOWN),
        (httpx.Response(200, content=b"<html>"), BankPaymentStatus.UNKNOWN),
        (httpx.Response(200, json={"responseCode": "4042601"}), BankPaymentStatus.UNKNOWN),
        (
            httpx.Response(200, json={"responseCode": "2002600", "virtualAccountData": []}),
            BankPaymentStatus.UNKNOWN,
        ),
        (httpx.ReadTimeout("late"), BankPaymentStatus.UNKNOWN),
        (httpx.ConnectError("away"), BankPaymentStatus.UNKNOWN),
        # An answer about another payment.
        (status_answer(paymentRequestId="another"), BankPaymentStatus.UNKNOWN),
        (status_answer(virtualAccountNo="   12345999"), BankPaymentStatus.UNKNOWN),
        # A field that decides, in an odd form.
        (status_answer(paidAmount=[]), BankPaymentStatus.UNKNOWN),
        (status_answer(paymentRequestId=7), BankPaymentStatus.UNKNOWN),
        (status_answer(virtualAccountNo=f"00012346{OWN_NO}"), BankPaymentStatus.UNKNOWN),
        # The same account, padded in another way.
        (status_answer(virtualAccountNo=f"00012345{OWN_NO}"), BankPaymentStatus.PAID),
        (status_answer(virtualAccountNo=f"12345{OWN_NO}"), BankPaymentStatus.PAID),
    ],
)
async def test_only_a_clear_answer_about_this_payment_tells_its_state(
    connect: Connect, answer: Reply, status: BankPaymentStatus
) -> None:
    client = connect(Bank(answer), GENERIC_RSA)

    found = await client.inquire_payment(account(), payment_request_id=ASKED)

    assert found.status is status


@pytest.mark.parametrize(
    "odd",
    [
        {"additionalInfo": []},
        {"totalAmount": []},
        {"referenceNo": 7, "trxDateTime": "yesterday", "transactionDate": 0},
        {"partnerServiceId": 12345, "customerNo": 5, "inquiryRequestId": ["x"]},
        {"billDetails": {"billNo": 1}, "freeTexts": None, "paidBills": 95000, "language": "Bahasa"},
        {"sourceBankCode": 8, "hashedSourceAccountNo": "a" * 64, "unheardOf": {"a": [1]}},
    ],
)
async def test_an_odd_field_that_nobody_reads_does_not_hide_the_state(
    connect: Connect, odd: dict[str, Any]
) -> None:
    client = connect(Bank(status_answer(**odd)), GENERIC_RSA)

    found = await client.inquire_payment(account(), payment_request_id=ASKED)

    assert found.status is BankPaymentStatus.PAID
    assert found.answer is not None
    assert found.answer.reference_no is None


async def test_a_payment_the_bank_does_not_know_is_not_taken_for_refused(connect: Connect) -> None:
    client = connect(Bank(status_answer("4042601")), GENERIC_RSA)

    found = await client.inquire_payment(account(), payment_request_id=ASKED)

    assert found.result.outcome is Outcome.UNKNOWN
    assert found.answer is None


async def test_a_refused_token_is_renewed_once_for_a_question(connect: Connect) -> None:
    bank = Bank(status_answer("4012601", profile=BCA), status_answer(profile=BCA))

    found = await connect(bank, BCA).inquire_payment(account(BCA), payment_request_id=ASKED)

    assert found.status is BankPaymentStatus.PAID
    assert len({request.headers["X-EXTERNAL-ID"] for request in bank.requests}) == 2
