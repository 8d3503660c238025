"""Asking for a code: one answer for every number, and only so often."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import PHONE, MakeGateway
from pydantic import ValidationError
from sqlalchemy import select

from gateway.otp.models import OtpChallenge
from gateway.settings import Settings
from gateway.throttles.models import ThrottleCount
from perisai_kit.testing.plugin import Urls, Wire


@pytest.fixture
async def strict(make_gateway: MakeGateway) -> httpx.AsyncClient:
    """A gateway that sends two codes to a number, four to an address."""
    return (await make_gateway(otp_sends_per_phone=2, otp_sends_per_address=4)).client


async def ask(client: httpx.AsyncClient, phone: str, device_id: str = "phone-1") -> httpx.Response:
    return await client.post("/v1/auth/otp", json={"phone": phone, "device_id": device_id})


async def test_known_and_unknown_numbers_get_the_same_answer(gateway: Any, members: Any) -> None:
    members[PHONE] = [{"member_id": "0193a5d0-0000-7000-8000-000000000000", "name": "x"}]
    await gateway.otp_session()

    known = await ask(gateway.client, PHONE)
    unknown = await ask(gateway.client, "+6285299999999")

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.status_code == 202


async def test_a_number_gets_only_so_many_codes(strict: httpx.AsyncClient) -> None:
    answers = [(await ask(strict, PHONE)).status_code for _ in range(3)]
    other = await ask(strict, "+6285299999999")

    assert answers == [202, 202, 429]
    assert other.status_code == 202


async def test_an_address_gets_only_so_many_codes(strict: httpx.AsyncClient) -> None:
    answers = [await ask(strict, f"+62852999999{number:02d}") for number in range(5)]

    assert [each.status_code for each in answers] == [202] * 4 + [429]
    assert answers[-1].json()["code"] == "sign_in_throttled"
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_a_blocked_address_does_not_use_up_the_codes_of_a_number(
    strict: httpx.AsyncClient, make_gateway: MakeGateway
) -> None:
    for number in range(4):
        await ask(strict, f"+62852999999{number:02d}")
    for _ in range(3):
        await ask(strict, PHONE)

    # Another address: a gateway of the same database behind which the counts are not the same.
    elsewhere = await make_gateway(otp_sends_per_phone=2, otp_sends_per_address=100)
    answer = await ask(elsewhere.client, PHONE)

    assert answer.status_code == 202


async def test_signing_in_gives_the_tries_back(
    make_gateway: MakeGateway,
) -> None:
    strict = await make_gateway(otp_sends_per_phone=2, otp_sends_per_device=3)
    client = strict.client

    first = [(await ask(client, PHONE)).status_code]
    grant = await strict.otp_grant()
    unknown = await ask(client, PHONE, device_id="phone-2")
    signed_in = await strict.token(**grant)
    known = [(await ask(client, PHONE)).status_code for _ in range(4)]
    strange = [(await ask(client, PHONE, device_id="phone-2")).status_code for _ in range(3)]

    assert (first, unknown.status_code) == ([202], 429)
    assert signed_in.status_code == 200
    assert known == [202, 202, 202, 429]
    assert strange == [202, 202, 429]


async def test_only_hashes_of_codes_numbers_and_addresses_are_kept(gateway: Any) -> None:
    code = await gateway.code()

    async with gateway.parts.database.read() as session:
        challenge = (await session.execute(select(OtpChallenge.__table__))).one()
        counts = (await session.execute(select(ThrottleCount.__table__))).all()

    assert len(challenge.code_hash) == 32
    assert code.encode() not in challenge.code_hash
    assert {len(each.subject) for each in counts} == {32}


@pytest.mark.parametrize("phone", ["", "abc", "12", "+62" + "1" * 40, "0812\x003456"])
async def test_what_is_no_number_is_refused(gateway: Any, phone: str) -> None:
    answer = await ask(gateway.client, phone)

    assert answer.status_code == 422


async def test_codes_go_to_the_operators_provider_where_one_is_set(
    real_gateway: Any, network: Wire
) -> None:
    client = real_gateway.client
    sent: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(202)

    network.answer("sender", take)

    answer = await client.post(
        "/v1/auth/otp",
        json={"phone": PHONE, "device_id": "phone-1"},
        headers={"Accept-Language": "id"},
    )
    outbox = await client.post("/v1/sandbox/otp-outbox", json={"phone": PHONE})

    assert answer.status_code == 202
    assert outbox.status_code == 404
    assert sent[0].headers["authorization"] == "Bearer s"
    assert b'"language":"id"' in sent[0].content.replace(b" ", b"")


async def test_a_provider_that_is_away_is_said_so(make_gateway: MakeGateway) -> None:
    made = await make_gateway(otp_sender_url="http://nobody/otp", otp_sender_secret="s")

    answer = await ask(made.client, PHONE)

    assert answer.status_code == 503
    assert answer.json()["code"] == "otp_not_sent"


def test_outside_a_sandbox_a_sender_is_required(
    gateway_settings: Callable[..., Settings],
) -> None:
    with pytest.raises(ValidationError) as refused:
        gateway_settings(Urls("x", "postgresql://x", ""), sandbox=False)

    missing = {each["loc"]: each["type"] for each in refused.value.errors()}
    assert missing == {("otp_sender_url",): "missing", ("otp_sender_secret",): "missing"}
