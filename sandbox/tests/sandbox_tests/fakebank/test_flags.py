"""Service 26 at the bank: it tells what it made of our answers to its payments."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import FastAPI

from perisai_kit.domain import clock
from sandbox.fakebank.app import create_app
from snap_bi.client import BankClient
from snap_bi.outcomes import BankPaymentStatus
from snap_bi.outgoing import Sender
from snap_bi.profiles import BCA, BRI, GENERIC_HMAC, PROFILES, Profile
from snap_bi.virtual_account import VirtualAccount

COMPANY_CODES = {"generic-hmac": "11111", "generic-rsa": "22222", "bca": "33333", "bri": "44444"}
# Code and paymentFlagStatus of the platform's answer.
BOOKED = ("2002500", "00")
REFUSED = ("4042513", "01")
FAILED = ("5002500", None)


@dataclass
class Platform:
    """Gives tokens, and gives payments the configured answer."""

    says: tuple[str, str | None] = BOOKED

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access-token/b2b"):
            return httpx.Response(200, json={"accessToken": "t", "expiresIn": "900"})
        code, flag = self.says
        data = {"paymentFlagStatus": flag} if flag else {}
        return httpx.Response(
            int(code[:3]), json={"responseCode": code, "virtualAccountData": data}
        )


@dataclass
class Bank:
    app: FastAPI
    http: httpx.AsyncClient
    our_key: RSAPrivateKey

    async def pay(self, number: str, request_id: str, **more: Any) -> None:
        payment = {
            "virtual_account_no": number,
            "payment_request_id": request_id,
            "amount": 36_800,
            "inquire": False,
            **more,
        }
        assert (await self.http.post("/payments", json=payment)).status_code == 200

    async def status(self, profile: Profile, number: str, request_id: str) -> BankPaymentStatus:
        """Ask through the client the platform uses."""
        name, code = f"us-at-{profile.name}", COMPANY_CODES[profile.name]
        channel = profile.outbound_channel_id
        sender = Sender(
            client_id=name,
            partner_id=name,
            channel_id=channel,
            secret="ours",
            private_key=self.our_key,
        )
        async with BankClient(
            profile,
            sender,
            base_url="http://bank.test",
            now=clock.real_now,
            transport=httpx.ASGITransport(self.app),
        ) as client:
            account = VirtualAccount(code, number.removeprefix(code))
            return (await client.inquire_payment(account, payment_request_id=request_id)).status


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def bank(config: Path, our_key: RSAPrivateKey, platform: Platform) -> AsyncIterator[Bank]:
    app = create_app(
        {"PERISAI_FAKEBANK_CONFIG": str(config)}, transport=httpx.MockTransport(platform)
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bank.test") as http:
        yield Bank(app, http, our_key)


def number_of(profile: Profile, digit: str = "1") -> str:
    return COMPANY_CODES[profile.name] + digit * profile.customer_no_length


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
@pytest.mark.parametrize(("says", "status"), [(BOOKED, "paid"), (REFUSED, "rejected")])
async def test_a_status_inquiry_answers_what_was_decided(
    bank: Bank, platform: Platform, profile: Profile, says: tuple[str, str], status: str
) -> None:
    platform.says = says
    await bank.pay(number_of(profile), "first")

    assert await bank.status(profile, number_of(profile), "first") == status


@pytest.mark.parametrize(
    ("profile", "says", "status"),
    [
        (GENERIC_HMAC, FAILED, "pending"),
        (BRI, FAILED, "pending"),
        (BCA, FAILED, "rejected"),
        (BCA, ("2002500", None), "timed_out"),
    ],
)
async def test_a_failure_of_ours_is_reported_as_the_bank_reads_it(
    bank: Bank,
    platform: Platform,
    profile: Profile,
    says: tuple[str, str | None],
    status: str,
) -> None:
    platform.says = says
    await bank.pay(number_of(profile), "first")

    assert await bank.status(profile, number_of(profile), "first") == status


async def test_a_lost_answer_takes_back_nothing_that_was_decided(bank: Bank) -> None:
    number = number_of(GENERIC_HMAC)
    await bank.pay(number, "first")
    await bank.pay(number, "first", mode="drop_answer")
    await bank.pay(number, "second", mode="drop_answer")

    assert await bank.status(GENERIC_HMAC, number, "first") is BankPaymentStatus.PAID
    assert await bank.status(GENERIC_HMAC, number, "second") is BankPaymentStatus.TIMED_OUT


async def test_a_payment_never_sent_or_of_another_account_is_not_found(bank: Bank) -> None:
    await bank.pay(number_of(GENERIC_HMAC), "first")

    assert await bank.status(GENERIC_HMAC, number_of(GENERIC_HMAC), "other") == "not_found"
    assert await bank.status(GENERIC_HMAC, number_of(GENERIC_HMAC, "2"), "first") == "not_found"
    assert await bank.status(BCA, number_of(BCA), "first") == "not_found"


async def test_the_question_is_in_the_banks_log(bank: Bank) -> None:
    await bank.pay(number_of(GENERIC_HMAC), "first")
    await bank.status(GENERIC_HMAC, number_of(GENERIC_HMAC), "first")

    newest = json.loads((await bank.http.get("/log")).text)[0]

    assert (newest["direction"], newest["service"]) == ("in", "26")
    assert newest["response_code"] == "2002600"
