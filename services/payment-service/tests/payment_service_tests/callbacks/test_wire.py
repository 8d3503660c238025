"""The raw bytes: what is signed is what was sent, and nothing but SNAP comes back."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of

from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.routes import BODY_LIMIT
from perisai_kit.domain import clock
from perisai_kit.testing.plugin import MakeApp, Urls, Wire, open_app_client
from snap_bi.minify import sha256_hex
from snap_bi.signing import build_symmetric_string_to_sign, sign_symmetric
from snap_bi.timestamps import format_timestamp

Kept = Callable[[], Awaitable[list[Callback]]]
PAYMENT = "/transfer-va/payment"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"separators": (",", ":")}, id="compact"),
        pytest.param({"indent": 4}, id="pretty"),
        pytest.param({"indent": "\t"}, id="tabs"),
        pytest.param({"ensure_ascii": False}, id="raw UTF-8"),
        pytest.param({"sort_keys": True}, id="another order"),
    ],
)
async def test_any_writing_of_the_body_is_verified_as_sent(
    bank: Bank, bill: BillOut, written: dict[str, object]
) -> None:
    message = payment_of(bill, bank.partner, virtualAccountName="Siti  Ámínah / \\ é")
    content = json.dumps(message, **written).encode()  # type: ignore[arg-type]  # options by name

    answer = await bank.send(PAYMENT, content)

    assert answer.json()["responseCode"] == "2002500"


@pytest.mark.parametrize("tail", [b"\r\n", b"\n", b"  "])
async def test_white_space_around_the_body_does_not_matter(
    bank: Bank, bill: BillOut, tail: bytes
) -> None:
    content = json.dumps(payment_of(bill, bank.partner)).encode()

    answer = await bank.send(PAYMENT, content, sent=tail + content + tail)

    assert answer.json()["responseCode"] == "2002500"


async def test_a_sender_that_forgets_to_minify_is_verified_and_noted(
    bank: Bank, bill: BillOut, kept: Kept
) -> None:
    content = json.dumps(inquiry_of(bill, bank.partner), indent=2).encode()
    at = clock.real_now()
    text = build_symmetric_string_to_sign(
        method="POST",
        endpoint="/snap/v1.0/transfer-va/inquiry",
        token=await bank.take_token(),
        body_hash=sha256_hex(content),
        timestamp=format_timestamp(at, bank.profile.timestamp_format),
    )

    answer = await bank.send(
        "/transfer-va/inquiry",
        content,
        at=at,
        x_signature=sign_symmetric(text, bank.client_secret).hex(),
    )

    assert answer.json()["responseCode"] == "2002400"
    assert [each.signed_over for each in await kept()] == ["raw_body"]


async def test_white_space_inside_a_string_is_content(bank: Bank, bill: BillOut) -> None:
    content = json.dumps(payment_of(bill, bank.partner)).encode()

    answer = await bank.send(
        PAYMENT, content, sent=content.replace(b"Siti Aminah", b"Siti  Aminah")
    )

    assert answer.json()["responseCode"] == "4012500"


async def test_the_query_is_part_of_what_is_signed(bank: Bank, bill: BillOut) -> None:
    content = json.dumps(inquiry_of(bill, bank.partner)).encode()

    signed = await bank.send("/transfer-va/inquiry?a=1&b=%20", content)
    unsigned = await bank.client.post(
        "/snap/v1.0/transfer-va/inquiry?a=2", content=content, headers=dict(signed.request.headers)
    )

    assert signed.json()["responseCode"] == "2002400"
    assert unsigned.json()["responseCode"] == "4012400"


async def test_every_prefix_of_a_profile_is_answered(bank: Bank, bill: BillOut) -> None:
    content = json.dumps(inquiry_of(bill, bank.partner)).encode()

    answer = await bank.send("/transfer-va/inquiry", content, prefix="/openapi/v1.0")

    assert answer.json()["responseCode"] == "2002400"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/snap/v1.0/transfer-va/payment", 405, "4052500"),
        ("PUT", "/snap/v1.0/transfer-va/inquiry", 405, "4052400"),
        ("DELETE", "/snap/v1.0/access-token/b2b", 405, "4057300"),
        ("BREW", "/openapi/v1.0/transfer-va/payment", 405, "4052500"),
        ("POST", "/snap/v1.0/transfer-va/payment/", 404, "4040001"),
        ("POST", "/snap/v1.0/transfer-va/status", 404, "4040001"),
        ("GET", "/snap/v1.0", 404, "4040001"),
        ("GET", "/snap/v1.0/", 404, "4040001"),
        ("POST", "/snap/v1.0/%00", 404, "4040001"),
        ("OPTIONS", "/openapi/v1.0/anything/else", 404, "4040001"),
    ],
)
async def test_methods_and_paths_nobody_serves_are_refused_as_snap(
    snap_client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await snap_client.request(method, path)

    assert answer.status_code == status
    assert answer.json()["responseCode"] == code
    assert answer.json()["responseMessage"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-timestamp"]


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 2_000_000])
async def test_a_huge_body_is_refused_as_snap(bank: Bank, kept: Kept, size: int) -> None:
    answer = await bank.send(PAYMENT, b"x" * size)

    assert answer.status_code == 413
    assert answer.json()["responseCode"] == "4132500"
    data = answer.json()["virtualAccountData"]
    assert (data["paymentFlagStatus"], data["paymentRequestId"]) == ("01", "")
    assert set(data["paymentFlagReason"]) == {"english", "indonesia"}
    assert await kept() == []


async def test_a_huge_body_of_unsaid_length_is_refused_as_snap(
    snap_client: httpx.AsyncClient,
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    answer = await snap_client.post("/snap/v1.0/transfer-va/payment", content=parts())

    assert answer.json()["responseCode"] == "4132500"


async def test_a_body_of_the_greatest_size_is_read(bank: Bank, bill: BillOut) -> None:
    message = inquiry_of(bill, bank.partner, additionalInfo={"text": ""})
    room = BODY_LIMIT - len(json.dumps(message).encode())
    message["additionalInfo"]["text"] = "x" * room

    answer = await bank.inquire(message)

    assert answer.json()["responseCode"] == "2002400"


async def test_a_payment_of_the_greatest_size_is_booked(bank: Bank, bill: BillOut) -> None:
    message = payment_of(bill, bank.partner, additionalInfo={"text": ""})
    room = BODY_LIMIT - len(json.dumps(message).encode())
    message["additionalInfo"]["text"] = "x" * room

    answer = await bank.pay(message)

    assert answer.json()["responseCode"] == "2002500"


@pytest.fixture
async def broken_client(make_app: MakeApp, wire: Wire) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose database is away."""
    away = "postgresql://app:none@127.0.0.1:1/away"
    app = make_app(urls=Urls("away", away, away), wire=wire)
    async with open_app_client(app) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/snap/v1.0/access-token/b2b", "5007300"),
        ("/snap/v1.0/transfer-va/inquiry", "5002400"),
        ("/snap/v1.0/transfer-va/payment", "5002500"),
        ("/openapi/v1.0/transfer-va/inquiry", "5002400"),
    ],
)
async def test_our_own_failure_is_answered_as_snap(
    broken_client: httpx.AsyncClient, path: str, code: str
) -> None:
    answer = await broken_client.post(path, content=b"{}")

    assert answer.status_code == 500
    assert answer.json() == {"responseCode": code, "responseMessage": "General Error"}


async def test_our_failure_has_no_code_where_a_bank_takes_any_code_for_a_refusal(
    broken_client: httpx.AsyncClient,
) -> None:
    answer = await broken_client.post("/openapi/v1.0/transfer-va/payment", content=b"{}")

    assert answer.status_code == 504
    assert answer.content == b""
