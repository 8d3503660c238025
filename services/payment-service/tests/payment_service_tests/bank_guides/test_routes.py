"""A bank's engineer copies a sample request, and it is signed as we expect."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens, Wire, open_app_client
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.signing import decode_signature, verify_symmetric

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
MakeApp = Callable[..., FastAPI]
HMAC_PROFILES = [name for name, each in PROFILES.items() if each.needs_token]

# Stands in for curl, which would need a port: it writes its arguments for the test to send.
PREAMBLE = "set -eu\ncurl() { printf '%s\\0' \"$@\"; }\n"


@pytest.fixture
def key_file(bank_key: rsa.RSAPrivateKey, tmp_path: Path) -> Path:
    file = tmp_path / "bank.pem"
    file.write_bytes(
        bank_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
async def production(
    make_app: MakeApp, database: Database, wire: Wire
) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(database=database, wire=wire, sandbox=False, clock_file=None)
    async with open_app_client(app) as client:
        yield client


def engineer_of(bank: Bank, tokens: Tokens) -> dict[str, str]:
    scope = {"kind": ScopeKind.BANK_PARTNER, "code": str(bank.partner.id)}
    return tokens.make(Role.BANK_ENGINEER, scope=scope)


async def read_guide(client: httpx.AsyncClient, bank: Bank, tokens: Tokens) -> dict[str, Any]:
    answer = await client.get(
        f"/v1/bank-partners/{bank.partner.id}/integration-guide",
        headers=engineer_of(bank, tokens),
    )
    assert answer.status_code == 200, answer.text
    assert bank.client_secret not in answer.text
    assert "PRIVATE KEY" not in answer.text
    guide: dict[str, Any] = answer.json()
    return guide


async def run(command: str, client: httpx.AsyncClient, **variables: str) -> httpx.Response:
    """Run a sample's command in bash, and send what it would have sent."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        PREAMBLE + command,
        env={"PATH": os.environ["PATH"], "GATEWAY": "http://payment", **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    written, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    words = written.decode().split("\0")[:-1]
    silent, url, option, body, *rest = words
    assert (silent, option) == ("-sS", "--data-raw")
    names = [each.partition(": ") for flag, each in zip(rest[::2], rest[1::2], strict=True)]
    assert set(rest[::2]) == {"-H"}
    headers = {name: value for name, _, value in names}
    return await client.post(url, content=body.encode(), headers=headers)


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_commands_of_a_guide_are_signed_as_we_expect_and_pay_nothing(
    *,
    make_bank: MakeBank,
    snap_client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    key_file: Path,
    profile: str,
) -> None:
    bank = await make_bank(profile=profile, replay_answer=ReplayAnswer.STORED_SUCCESS)
    guide = await read_guide(snap_client, bank, tokens)
    token, inquiry, payment = guide["samples"]
    known = {"PRIVATE_KEY_FILE": str(key_file), "CLIENT_SECRET": bank.client_secret}

    asked = await run(token["command"], snap_client, **known)
    known["TOKEN"] = asked.json()["accessToken"]
    answers = [asked] + [
        await run(each["command"], snap_client, **known) for each in (inquiry, payment)
    ]

    codes = [each.json()["responseCode"] for each in answers]
    assert codes == [each["response_code"] for each in guide["samples"]]
    assert codes == ["2007300", "4042412", "4042512"]
    assert await session.scalar(select(func.count()).select_from(Payment)) == 0


@pytest.mark.parametrize("profile", HMAC_PROFILES)
async def test_in_a_sandbox_a_sample_has_the_signature_of_its_string(
    make_bank: MakeBank, snap_client: httpx.AsyncClient, tokens: Tokens, profile: str
) -> None:
    bank = await make_bank(profile=profile)

    guide = await read_guide(snap_client, bank, tokens)

    for sample in guide["samples"][1:]:
        signature = decode_signature(sample["signature"], size=64)
        assert verify_symmetric(sample["string_to_sign"], signature, bank.client_secret)
        assert sample["headers"]["X-SIGNATURE"] == sample["signature"]
        assert f":{sample['body_hash']}:" in sample["string_to_sign"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_outside_a_sandbox_nothing_is_signed_with_the_bank_s_secret(
    make_bank: MakeBank, production: httpx.AsyncClient, tokens: Tokens, profile: str
) -> None:
    bank = await make_bank(profile=profile)

    guide = await read_guide(production, bank, tokens)

    assert [each["signature"] for each in guide["samples"]] == [None, None, None]
    for sample in guide["samples"]:
        assert sample["headers"]["X-SIGNATURE"] == "<signature>"
        assert sample["path"].startswith(bank.profile.public_prefix)
    assert guide["samples"][0]["headers"]["X-CLIENT-KEY"] == bank.partner.client_id


async def test_the_guide_has_the_codes_and_says_that_snap_times_are_real_time(
    bank: Bank, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    guide = await read_guide(snap_client, bank, tokens)

    codes = {each["response_code"]: each for each in guide["codes"]}
    assert codes["4042514"]["response_message"] == "Paid Bill"
    assert codes["4042514"]["meaning"]["indonesia"]
    assert guide["clock"]["skew_s"] == 300
    assert "real time" in guide["clock"]["note"]["english"]
    assert "waktu nyata" in guide["clock"]["note"]["indonesia"]


BROKEN: list[dict[str, Any]] = [
    {"x_signature": "AAAA"},
    {"x_signature": None},
    {"x_external_id": "abc"},
    {"x_partner_id": "nobody"},
    {"x_client_key": "nobody"},
    {"authorization": "Bearer dead"},
    {"at": datetime(2026, 1, 1, tzinfo=UTC)},
]
WRONG: list[dict[str, Any]] = [
    {"partnerServiceId": "99999999"},
    {"virtualAccountNo": "1"},
    {"customerNo": None},
    {"customerNo": "x"},
]


async def send_wrong_requests(bank: Bank, bill: BillOut) -> AsyncIterator[httpx.Response]:
    """Send what a bank's engineer may get wrong, and yield the answers."""
    yield await bank.ask_token(content=b'{"grantType":"password"}')
    yield await bank.ask_token(content=b"{")
    for broken in BROKEN:
        yield await bank.ask_token(**broken)
    for path, message in (
        ("/transfer-va/inquiry", inquiry_of(bill, bank.partner)),
        ("/transfer-va/payment", payment_of(bill, bank.partner)),
    ):
        yield await bank.client.get(bank.profile.public_prefix + path)
        yield await bank.send(path, b"{")
        for broken in BROKEN:
            yield await bank.send(path, json.dumps(message).encode(), **broken)
        for wrong in WRONG:
            yield await bank.send(path, json.dumps({**message, **wrong}).encode())
    foreign = {"value": "28400.00", "currency": "USD"}
    yield await bank.pay(payment_of(bill, bank.partner, paidAmount=foreign))
    yield await bank.pay(payment_of(bill, bank.partner, amount=1))
    paid = payment_of(bill, bank.partner)
    yield await bank.pay(paid, number="4711")
    yield await bank.pay(paid, number="4711")
    yield await bank.pay(paid, number="4712")
    yield await bank.pay({**paid, "trxId": "other"}, number="4713")
    yield await bank.pay(payment_of(bill, bank.partner), number="4711")
    yield await bank.pay(payment_of(bill, bank.partner), number="4714")
    yield await bank.inquire(inquiry_of(bill, bank.partner))


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_a_bank_is_answered_is_in_its_table_of_codes(
    *,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    snap_client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    profile: str,
) -> None:
    replay = ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT
    bank = await make_bank(profile=profile, replay_answer=replay)
    bill = await issue_bill(session)
    guide = await read_guide(snap_client, bank, tokens)
    table = [(each["response_code"], each["response_message"]) for each in guide["codes"]]

    answers = [each.json() async for each in send_wrong_requests(bank, bill)]

    said = {(each["responseCode"], each["responseMessage"]) for each in answers}
    assert len(said) > 20
    unknown = {
        (code, message)
        for code, message in said
        if not any(code == known and message.startswith(text) for known, text in table)
    }
    assert unknown == set()


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_a_bank_at_a_foreign_address_is_answered_is_in_its_table_of_codes(
    make_bank: MakeBank, snap_client: httpx.AsyncClient, tokens: Tokens, profile: str
) -> None:
    bank = await make_bank(profile=profile, allowed_sources=["203.0.113.0/28"])
    guide = await read_guide(snap_client, bank, tokens)
    table = {each["response_code"]: each for each in guide["codes"]}

    answer = (await bank.ask_token()).json()

    assert "address" in table[answer["responseCode"]]["meaning"]["english"]


async def test_a_bank_that_is_not_active_yet_is_an_unknown_client_of_its_table(
    make_bank: MakeBank, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    bank = await make_bank(status=PartnerStatus.DRAFT)
    guide = await read_guide(snap_client, bank, tokens)

    answer = (await bank.ask_token()).json()
    log = await snap_client.get(
        f"/v1/bank-partners/{bank.partner.id}/requests", headers=engineer_of(bank, tokens)
    )

    (row,) = [
        each
        for each in guide["codes"]
        if each["response_code"] == answer["responseCode"]
        and each["response_message"] == answer["responseMessage"]
    ]
    assert "activated" in row["meaning"]["english"]
    assert log.json()["items"] == []


async def test_a_bank_s_engineer_reads_the_own_guide_only(
    bank: Bank, make_bank: MakeBank, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    other = await make_bank(company_code="88002")

    foreign = await snap_client.get(
        f"/v1/bank-partners/{other.partner.id}/integration-guide",
        headers=engineer_of(bank, tokens),
    )

    assert (foreign.status_code, foreign.json()["code"]) == (404, "bank_partner_not_found")


READ_IT = {Role.ADMIN, Role.FINANCE_OFFICER, Role.BANK_ENGINEER}


@pytest.mark.parametrize("role", [role for role in Role if role not in READ_IT])
async def test_nobody_else_reads_it(
    snap_client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    address = f"/v1/bank-partners/{new_id()}/integration-guide"

    answer = await snap_client.get(address, headers=tokens.make(role))

    assert answer.status_code == 403
