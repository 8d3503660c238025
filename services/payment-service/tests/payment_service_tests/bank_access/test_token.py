"""Service 73: who gets a token, and what a token opens."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.models import AccessToken
from payment_service.bank_access.rules import token_hash
from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from perisai_kit.domain import clock
from snap_bi.profiles import ReplayAnswer

MakeBank = Callable[..., Awaitable[Bank]]


async def test_a_bank_gets_a_token_for_fifteen_minutes(bank: Bank) -> None:
    answer = await bank.ask_token()

    assert answer.status_code == 200
    body = answer.json()
    assert body["responseCode"] == "2007300"
    assert body["tokenType"] == "Bearer"
    assert body["expiresIn"] == "900"
    assert answer.headers["x-client-key"] == bank.partner.client_id
    assert answer.headers["x-timestamp"].endswith("+07:00")


async def test_only_the_hash_of_a_token_is_stored(bank: Bank, session: AsyncSession) -> None:
    token = await bank.take_token()

    (row,) = await session.scalars(select(AccessToken))
    assert row.token_hash == token_hash(token)
    assert token.encode() not in row.token_hash


async def test_an_earlier_token_lives_on_beside_a_new_one(bank: Bank, bill: BillOut) -> None:
    first = await bank.take_token()
    second = (await bank.ask_token()).json()["accessToken"]

    answers = [
        await bank.inquire(inquiry_of(bill, bank.partner), token=token) for token in (first, second)
    ]

    assert first != second
    assert [answer.json()["responseCode"] for answer in answers] == ["2002400", "2002400"]


async def test_a_token_ends_after_its_time(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    ended_at = clock.real_now() - timedelta(seconds=1)
    token = "a token of yesterday"
    session.add(
        AccessToken(token_hash=token_hash(token), partner_id=bank.partner.id, expires_at=ended_at)
    )
    await session.flush()

    answer = await bank.inquire(inquiry_of(bill, bank.partner), token=token)

    assert answer.status_code == 401
    assert answer.json()["responseCode"] == "4012401"
    assert "virtualAccountData" not in answer.json()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x_timestamp": None}, "4007302"),
        ({"x_client_key": None}, "4007302"),
        ({"x_signature": None}, "4007302"),
        ({"x_timestamp": "yesterday"}, "4007301"),
        ({"x_timestamp": "2026-11-22T10:00:00"}, "4007301"),
        ({"x_client_key": "nobody"}, "4017300"),
        ({"x_signature": "AAAA"}, "4017300"),
        ({"x_signature": "A" * 342 + "=="}, "4017300"),
    ],
)
async def test_a_call_with_wrong_headers_gets_no_token(
    bank: Bank, headers: dict[str, Any], code: str
) -> None:
    answer = await bank.ask_token(**headers)

    assert answer.status_code == int(code[:3])
    assert answer.json()["responseCode"] == code
    assert "accessToken" not in answer.json()


@pytest.mark.parametrize("late_s", [-900, 900])
async def test_a_call_too_early_or_too_late_gets_no_token(bank: Bank, late_s: int) -> None:
    answer = await bank.ask_token(at=clock.real_now() - timedelta(seconds=late_s))

    assert answer.json()["responseCode"] == "4017300"
    assert answer.json()["responseMessage"] == "Unauthorized. [Timestamp]"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "4007300"),
        (b"{", "4007300"),
        (b"[]", "4007300"),
        (b'{"grantType":"password"}', "4007300"),
        (b'{"grantType":1}', "4007300"),
        (b'{"grantType":"client_credentials","grantType":"client_credentials"}', "4007300"),
        (b"{}", "4007302"),
        (b'{"grantType":""}', "4007302"),
        (b'{"grantType":[]}', "4007300"),
        (b'{"grant_type":"client_credentials"}', "4007302"),
    ],
)
async def test_a_wrong_body_gets_no_token(bank: Bank, content: bytes, code: str) -> None:
    answer = await bank.ask_token(content=content)

    assert answer.json()["responseCode"] == code


@pytest.mark.parametrize("odd", ["[]", "1", '"x"', '{"a":[]}'])
async def test_an_odd_field_that_nobody_reads_keeps_no_token_back(bank: Bank, odd: str) -> None:
    body = f'{{"grantType":"client_credentials","additionalInfo":{odd},"new":{odd}}}'

    answer = await bank.ask_token(content=body.encode())

    assert answer.json()["responseCode"] == "2007300"


async def test_another_banks_key_gets_no_token(bank: Bank, make_bank: MakeBank) -> None:
    other = await make_bank(company_code="88002")

    answer = await bank.ask_token(x_client_key=other.partner.client_id)

    assert answer.json()["responseCode"] == "4017300"


@pytest.mark.parametrize("prefix", ["/snap/v1.0", "/openapi/v1.0"])
async def test_a_partner_that_is_only_a_draft_is_unknown(make_bank: MakeBank, prefix: str) -> None:
    draft = await make_bank(status=PartnerStatus.DRAFT)

    answer = await draft.ask_token(prefix=prefix)

    assert answer.json()["responseMessage"] == "Unauthorized. [Unknown client]"


async def test_a_bank_at_an_address_that_is_not_allowed_gets_no_token(make_bank: MakeBank) -> None:
    bank = await make_bank(allowed_sources=["203.0.113.0/28"])

    refused = await bank.ask_token()
    taken = await bank.ask_token(x_forwarded_for="198.51.100.1, 203.0.113.7")
    forged = await bank.ask_token(x_forwarded_for="203.0.113.7, 198.51.100.1")

    codes = [answer.json()["responseCode"] for answer in (refused, taken, forged)]
    assert codes == ["4007300", "2007300", "4007300"]


async def test_addresses_are_checked_per_partner(make_bank: MakeBank) -> None:
    await make_bank()
    walled = await make_bank(company_code="88002", allowed_sources=["203.0.113.0/28"])

    answer = await walled.ask_token()

    assert answer.json()["responseCode"] == "4007300"


# In the order of the checks: what is wrong, and what is answered.
TOKEN_ORDER: list[tuple[dict[str, Any], str, str]] = [
    ({"x_forwarded_for": "198.51.100.1"}, "4007300", "Bad Request"),
    ({"x_signature": None}, "4007302", "Invalid Mandatory Field X-SIGNATURE"),
    ({"x_timestamp": "yesterday"}, "4007301", "Invalid Field Format X-TIMESTAMP"),
    ({"x_client_key": "nobody"}, "4017300", "Unauthorized. [Unknown client]"),
    ({"late_s": 900}, "4017300", "Unauthorized. [Timestamp]"),
    ({"x_signature": "AAAA"}, "4017300", "Unauthorized. [Signature]"),
    ({"content": b"{}"}, "4007302", "Invalid Mandatory Field grantType"),
]


@pytest.mark.parametrize(("fault", "later"), list(pairwise(TOKEN_ORDER)))
async def test_of_two_faults_the_earlier_is_answered(
    make_bank: MakeBank, fault: tuple[dict[str, Any], str, str], later: tuple[Any, ...]
) -> None:
    bank = await make_bank(allowed_sources=["203.0.113.7"])
    how = {"x_forwarded_for": "203.0.113.7", **later[0], **fault[0]}
    at = clock.real_now() - timedelta(seconds=how.pop("late_s", 0))

    answer = await bank.ask_token(at=at, **how)

    assert answer.json() == {"responseCode": fault[1], "responseMessage": fault[2]}
    assert answer.headers["x-client-key"] == how.get("x_client_key", bank.partner.client_id)


@pytest.mark.parametrize("key", [None, "", "x" * 129, "k\u00e9y".encode("latin-1")])
async def test_a_client_key_that_is_none_is_not_sent_back(
    bank: Bank, key: str | bytes | None
) -> None:
    answer = await bank.ask_token(x_client_key=key)

    assert answer.status_code in (400, 401)
    assert "x-client-key" not in answer.headers


@pytest.mark.parametrize(("profile", "digits"), [("bca", 0), ("bri", 3)])
async def test_a_refusal_has_its_time_as_the_bank_writes_it(
    make_bank: MakeBank, profile: str, digits: int
) -> None:
    bank = await make_bank(profile=profile, replay_answer=ReplayAnswer.STORED_SUCCESS)

    answer = await bank.ask_token(x_signature="AAAA")

    fraction = answer.headers["x-timestamp"].removesuffix("+07:00")[19:]
    assert len(fraction.removeprefix(".")) == digits
