"""What has become of a payment? Asked of the bank by the finance officer, settling nothing."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens, Wire

COUNTRY = {"kind": ScopeKind.COUNTRY}
COMPANY = "88001"
NUMBER = COMPANY + "1" * 18
ASKED = {"virtual_account_no": NUMBER, "payment_request_id": "20261108101500123456"}
NewPartner = Callable[..., dict[str, Any]]
Join = Callable[..., Awaitable[str]]
Tell = Callable[[httpx.Response | Exception], list[httpx.Request]]


@pytest.fixture
def finance(tokens: Tokens) -> dict[str, str]:
    return tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)


@pytest.fixture
def join(client: httpx.AsyncClient, finance: dict[str, str], new_partner: NewPartner) -> Join:
    """Register a bank partner; return the address of the question."""

    async def join_(**differences: Any) -> str:
        made = await client.post(
            "/v1/bank-partners", json=new_partner(**differences), headers=finance
        )
        return f"/v1/bank-partners/{made.json()['id']}/status-inquiries"

    return join_


@pytest.fixture
def tell(wire: Wire) -> Tell:
    """Let the bank say this; its questions are collected."""

    def tell_(answer: httpx.Response | Exception) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/access-token/b2b"):
                return httpx.Response(200, json={"accessToken": "bank-token", "expiresIn": "900"})
            asked.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        wire.answer("bank.test", handle)
        return asked

    return tell_


def paid(**data: Any) -> httpx.Response:
    known = {
        "paymentFlagStatus": "00",
        "virtualAccountNo": f"   {NUMBER}",
        "paymentRequestId": ASKED["payment_request_id"],
        "paidAmount": {"value": "36800.00", "currency": "IDR"},
        "trxDateTime": "2026-11-08T10:15:00+07:00",
        "referenceNo": "00001136962",
    }
    whole = {"responseCode": "2002600", "responseMessage": "Successful"}
    return httpx.Response(200, json={**whole, "virtualAccountData": {**known, **data}})


async def test_the_bank_is_asked_and_its_word_is_passed_on(
    client: httpx.AsyncClient, finance: dict[str, str], join: Join, tell: Tell
) -> None:
    address, asked = await join(), tell(paid())

    answer = await client.post(address, json=ASKED, headers=finance)

    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "paid"
    assert body["paid_amount"] == 36_800
    assert body["paid_at"] == "2026-11-08T10:15:00+07:00"
    assert body["reference_no"] == "00001136962"
    assert body["response_code"] == "2002600"
    (request,) = asked
    assert request.url.path == "/snap/v1.0/transfer-va/status"
    assert json.loads(request.content)["virtualAccountNo"] == f"   {NUMBER}"
    assert body["external_id"] == request.headers["X-EXTERNAL-ID"]


async def test_what_we_signed_is_shown_without_the_token(
    client: httpx.AsyncClient, finance: dict[str, str], join: Join, tell: Tell
) -> None:
    address = await join()
    tell(paid())

    answer = await client.post(address, json=ASKED, headers=finance)

    signed = answer.json()["string_to_sign"]
    assert signed.startswith("POST:/snap/v1.0/transfer-va/status:<token sha256:")
    assert "bank-token" not in answer.text


@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        (paid(paymentFlagStatus="01"), "rejected", "2002600"),
        (paid(paymentFlagStatus="03"), "pending", "2002600"),
        (paid(paymentRequestId="another"), "unknown", "2002600"),
        (httpx.Response(404, json={"responseCode": "4042601"}), "not_found", "4042601"),
        (httpx.Response(500, json={"responseCode": "5002600"}), "unknown", "5002600"),
        (httpx.Response(504), "unknown", None),
        (httpx.ReadTimeout("late"), "unknown", None),
    ],
)
async def test_only_a_clear_answer_counts(
    *,
    client: httpx.AsyncClient,
    finance: dict[str, str],
    join: Join,
    tell: Tell,
    response: httpx.Response | Exception,
    status: str,
    code: str | None,
) -> None:
    address = await join()
    tell(response)

    answer = await client.post(address, json=ASKED, headers=finance)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["response_code"]) == (status, code)


async def test_an_amount_with_a_fraction_is_not_rounded(
    client: httpx.AsyncClient, finance: dict[str, str], join: Join, tell: Tell
) -> None:
    address = await join()
    tell(paid(paidAmount={"value": "36800.50", "currency": "IDR"}))

    answer = await client.post(address, json=ASKED, headers=finance)

    assert (answer.json()["status"], answer.json()["paid_amount"]) == ("paid", None)


async def test_a_number_may_be_padded_with_zeros(
    client: httpx.AsyncClient, finance: dict[str, str], join: Join, tell: Tell
) -> None:
    address, asked = await join(), tell(paid(virtualAccountNo=f"000{NUMBER}"))
    padded = {**ASKED, "virtual_account_no": f"000{NUMBER}"}

    answer = await client.post(address, json=padded, headers=finance)

    assert (answer.status_code, answer.json()["status"]) == (200, "paid")
    assert json.loads(asked[-1].content)["virtualAccountNo"] == f"   {NUMBER}"


@pytest.mark.parametrize("number", ["99999" + "1" * 18, COMPANY, COMPANY + "1" * 21])
async def test_a_number_that_is_not_ours_is_not_asked_about(
    client: httpx.AsyncClient, finance: dict[str, str], join: Join, tell: Tell, number: str
) -> None:
    address, asked = await join(), tell(paid())

    answer = await client.post(
        address, json={**ASKED, "virtual_account_no": number}, headers=finance
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "virtual_account_foreign")
    assert asked == []


async def test_a_bank_without_an_address_cannot_be_asked(
    client: httpx.AsyncClient, finance: dict[str, str], join: Join
) -> None:
    address = await join(outbound=None)

    answer = await client.post(address, json=ASKED, headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (409, "bank_not_callable")


async def test_an_unknown_partner_cannot_be_asked(
    client: httpx.AsyncClient, finance: dict[str, str]
) -> None:
    address = f"/v1/bank-partners/{new_id()}/status-inquiries"

    answer = await client.post(address, json=ASKED, headers=finance)

    assert answer.json()["code"] == "bank_partner_not_found"


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.ADMIN, Role.FINANCE_OFFICER}]
)
async def test_nobody_else_asks_a_bank(
    client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    address = f"/v1/bank-partners/{new_id()}/status-inquiries"

    answer = await client.post(address, json=ASKED, headers=tokens.make(role))

    assert answer.status_code == 403
