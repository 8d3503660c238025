"""What the platform asks the bank, through the client the platform uses."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import FastAPI

from perisai_kit.domain import clock
from sandbox.fakebank.app import create_app
from snap_bi.client import BankClient
from snap_bi.outcomes import Outcome
from snap_bi.outgoing import Sender
from snap_bi.profiles import GENERIC_HMAC, GENERIC_RSA, PROFILES, Profile


@dataclass
class Bank:
    app: FastAPI
    our_key: RSAPrivateKey

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://bank.test"
        )

    def client(
        self,
        profile: Profile = GENERIC_HMAC,
        *,
        secret: str = "ours",
        key: RSAPrivateKey | None = None,
        late: timedelta = timedelta(),
    ) -> BankClient:
        return BankClient(
            profile,
            Sender(
                client_id=f"us-at-{profile.name}",
                partner_id=f"us-at-{profile.name}",
                channel_id=profile.outbound_channel_id,
                secret=secret,
                private_key=key or self.our_key,
            ),
            base_url="http://bank.test",
            now=lambda: clock.real_now() - late,
            transport=httpx.ASGITransport(self.app),
        )


@pytest.fixture
async def bank(config: Path, our_key: RSAPrivateKey) -> Bank:
    bank = Bank(create_app({"PERISAI_FAKEBANK_CONFIG": str(config)}), our_key)
    account = {"bank_code": "002", "account_no": "1234567890", "holder_name": "AGUS SALIM"}
    async with bank.http() as http:
        assert (await http.post("/accounts", json=account)).status_code == 201
    return bank


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("bank_code", [None, "002"])
async def test_holder_of_a_known_account_is_named(
    bank: Bank, profile: Profile, bank_code: str | None
) -> None:
    async with bank.client(profile) as client:
        inquiry = await client.inquire_account(account_no="1234567890", bank_code=bank_code)

    assert inquiry.result.outcome is Outcome.EXECUTED
    assert inquiry.answer is not None
    assert inquiry.answer.beneficiary_account_name == "AGUS SALIM"


@pytest.mark.parametrize(("account_no", "bank_code"), [("999", None), ("1234567890", "014")])
async def test_account_the_bank_does_not_know_is_not_executed(
    bank: Bank, account_no: str, bank_code: str | None
) -> None:
    async with bank.client() as client:
        inquiry = await client.inquire_account(account_no=account_no, bank_code=bank_code)

    assert inquiry.result.outcome is Outcome.NOT_EXECUTED
    assert inquiry.result.code is not None
    assert inquiry.result.code.case_code == "11"


async def test_wrong_secret_is_unauthorised(bank: Bank) -> None:
    async with bank.client(secret="another") as client:
        inquiry = await client.inquire_account(account_no="1234567890")

    assert inquiry.result.message == "Unauthorized. [Signature]"


@pytest.mark.parametrize("profile", [GENERIC_HMAC, GENERIC_RSA], ids=lambda one: one.name)
async def test_wrong_key_is_unauthorised(bank: Bank, profile: Profile) -> None:
    unknown_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    async with bank.client(profile, key=unknown_key) as client:
        inquiry = await client.inquire_account(account_no="1234567890")

    assert inquiry.result.message == "Unauthorized. [Signature]"
    assert inquiry.result.outcome is Outcome.NOT_EXECUTED


async def test_old_timestamp_is_unauthorised(bank: Bank) -> None:
    async with bank.client(late=timedelta(minutes=6)) as client:
        inquiry = await client.inquire_account(account_no="1234567890")

    assert inquiry.result.message == "Unauthorized. [Timestamp]"


async def test_unknown_client_gets_no_token(bank: Bank) -> None:
    headers = {
        "X-TIMESTAMP": clock.real_now().isoformat(timespec="seconds"),
        "X-CLIENT-KEY": "nobody",
        "X-SIGNATURE": "AAAA",
    }
    async with bank.http() as http:
        answer = await http.post("/snap/v1.0/access-token/b2b", headers=headers, content=b"{}")

    assert (answer.status_code, answer.json()["responseCode"]) == (401, "4017300")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "4001502"),
        ({"X-TIMESTAMP": "yesterday"}, "4001501"),
        ({"Authorization": "Bearer x"}, "4011501"),
    ],
)
async def test_incomplete_call_is_answered_with_its_code(
    bank: Bank, headers: dict[str, str], code: str
) -> None:
    whole = {
        "X-TIMESTAMP": clock.real_now().isoformat(timespec="seconds"),
        "X-SIGNATURE": "AAAA",
        "X-PARTNER-ID": "us",
        "X-EXTERNAL-ID": "1",
        "CHANNEL-ID": "1",
    }
    async with bank.http() as http:
        answer = await http.post(
            "/snap/v1.0/account-inquiry-internal",
            headers={**whole, **headers} if headers else {},
            content=b"{}",
        )

    assert answer.json()["responseCode"] == code
    assert answer.status_code == int(code[:3])


async def test_accounts_survive_a_restart(bank: Bank, config: Path) -> None:
    again = Bank(create_app({"PERISAI_FAKEBANK_CONFIG": str(config)}), bank.our_key)

    async with again.client() as client:
        inquiry = await client.inquire_account(account_no="1234567890")

    assert inquiry.result.outcome is Outcome.EXECUTED


async def test_log_shows_the_step_that_matched_and_no_token(bank: Bank) -> None:
    async with bank.client() as client:
        await client.inquire_account(account_no="1234567890")
    async with bank.http() as http:
        asked, token = (await http.get("/log")).json()

    assert asked["matched_step"] == "lexical_minify"
    assert "<token sha256:" in asked["string_to_sign"]
    assert (token["service"], token["body"]) == ("73", None)


async def test_log_names_no_holder_and_no_account_of_a_person(bank: Bank) -> None:
    async with bank.client() as client:
        await client.inquire_account(account_no="1234567890")
    async with bank.http() as http:
        log = (await http.get("/log")).text

    assert "beneficiaryAccountName" in log
    assert "AGUS SALIM" not in log
    assert "1234567890" not in log


async def test_pages_of_this_machine_may_ask_the_bank(bank: Bank) -> None:
    page = {"Origin": "http://localhost:5173"}

    async with bank.http() as http:
        preflight = await http.options(
            "/payments", headers={**page, "Access-Control-Request-Method": "POST"}
        )
        answer = await http.get("/partners", headers=page)
        foreign = await http.get("/partners", headers={"Origin": "http://evil.test"})

    assert preflight.status_code == 200
    assert answer.headers["access-control-allow-origin"] == page["Origin"]
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("path", ["/log/", "/partners/", "/health/"])
async def test_the_bank_does_not_redirect(bank: Bank, path: str) -> None:
    async with bank.http() as http:
        answer = await http.get(path)

    assert (answer.status_code, answer.headers.get("location")) == (404, None)
