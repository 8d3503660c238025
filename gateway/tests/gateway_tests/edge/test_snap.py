"""Banks at the edge: bytes as they came, no code of ours unless nothing can have been booked."""

import gzip
import os
import re
from typing import Any

import pytest
from gateway_tests.gateways import chunks

PAYMENT = "/snap/v1.0/transfer-va/payment"
SIGNED = {
    "X-PARTNER-ID": "12345",
    "X-EXTERNAL-ID": "20261101000001",
    "X-TIMESTAMP": "2026-11-01T10:00:00+07:00",
    "X-SIGNATURE": "c2lnbmF0dXJl+/=",
    "CHANNEL-ID": "95231",
    "Authorization": "Bearer opaque-token-of-the-bank",
}

STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+07:00")


@pytest.mark.parametrize(
    "path",
    [
        "/snap/v1.0/access-token/b2b",
        "/snap/v1.0/transfer-va/inquiry",
        PAYMENT,
        "/openapi/v1.0/access-token/b2b",
        "/openapi/v1.0/transfer-va/payment",
    ],
)
async def test_a_bank_needs_no_token_of_ours_and_its_bytes_arrive(platform: Any, path: str) -> None:
    body = b'{ "paidAmount" : {"value":"28400.00"},\r\n\t"a":"\\u00e9 \xc3\xa9" }\n'

    answer = await platform.client.post(f"{path}?a=%2B&b=+", content=body, headers=SIGNED)

    assert (answer.status_code, answer.content) == (200, b"ok")
    assert platform.payments.body == body
    assert platform.payments.target == f"{path}?a=%2B&b=+"
    assert {name: platform.payments.header(name) for name in SIGNED} == SIGNED


async def test_a_body_in_chunks_arrives_with_a_length(platform: Any) -> None:
    await platform.client.post(PAYMENT, content=chunks(b'{"a"', b":1}"))

    assert platform.payments.body == b'{"a":1}'
    assert platform.payments.header("content-length") == "7"


async def test_the_partners_address_is_the_one_we_saw(platform: Any) -> None:
    await platform.client.post(PAYMENT, json={}, headers={"X-Forwarded-For": "203.0.113.9"})

    assert platform.payments.header("x-forwarded-for") == "127.0.0.1"


async def test_a_bank_is_not_limited(make_platform: Any) -> None:
    platform = await make_platform(rate_limits={"public": 1, "standard": 1, "auth": 1})

    answers = [await platform.client.post(PAYMENT, json={}) for _ in range(5)]

    assert {each.status_code for each in answers} == {200}
    assert "ratelimit" not in answers[0].headers


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/snap/v1.0/transfer-va/status", "4042601"),
        ("/snap/v2.0/transfer-va/payment", "4042501"),
        ("/snap/v1.0/transfer-va/payment/", "4042501"),
        ("/snap/v9/transfer-va/inquiry", "4042401"),
        ("/openapi/auth/access-token/b2b", "4047301"),
        ("/snap/v1.0/nothing", "4040001"),
        ("/snap/", "4040001"),
    ],
)
async def test_an_unknown_address_is_refused_in_the_banks_words(
    platform: Any, path: str, code: str
) -> None:
    answer = await platform.client.post(path, json={})

    assert answer.status_code == 404
    body = answer.json()
    assert (body["responseCode"], body["responseMessage"]) == (code, "Transaction Not Found")
    assert ("virtualAccountData" in body) == (code[3:5] in ("24", "25"))
    assert STAMP.fullmatch(answer.headers["x-timestamp"])
    assert platform.payments.requests == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (PAYMENT, "4152500"),
        ("/snap/v1.0/transfer-va/inquiry", "4152400"),
        ("/snap/v1.0/access-token/b2b", "4157300"),
    ],
)
async def test_a_compressed_body_is_refused_in_the_banks_words(
    platform: Any, path: str, code: str
) -> None:
    answer = await platform.client.post(
        path, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}
    )

    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    assert STAMP.fullmatch(answer.headers["x-timestamp"])
    assert answer.json()["responseCode"] == code
    assert platform.payments.requests == []


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "chunked"])
@pytest.mark.parametrize(
    ("path", "code"),
    [(PAYMENT, "4132500"), ("/snap/v1.0/transfer-va/inquiry", "4132400")],
)
async def test_a_body_no_honest_bank_sends_is_refused_in_the_banks_words(
    platform: Any, path: str, code: str, stated: bool
) -> None:
    part = os.urandom(40 * 1024)

    answer = await platform.client.post(path, content=part * 2 if stated else chunks(part, part))

    assert answer.status_code == 413
    assert STAMP.fullmatch(answer.headers["x-timestamp"])
    name, request_id = (
        ("paymentFlag", "paymentRequestId") if path == PAYMENT else ("inquiry", "inquiryRequestId")
    )
    assert answer.json() == {
        "responseCode": code,
        "responseMessage": "Request Entity Too Large",
        "virtualAccountData": {
            f"{name}Status": "01",
            f"{name}Reason": {
                "english": "The request is too large",
                "indonesia": "Permintaan terlalu besar",
            },
            "partnerServiceId": "",
            "customerNo": "",
            "virtualAccountNo": "",
            "virtualAccountName": "",
            request_id: "",
        },
    }
    assert platform.payments.requests == []


async def test_a_body_of_just_the_limit_passes(platform: Any) -> None:
    answer = await platform.client.post(PAYMENT, content=b"x" * 64 * 1024)

    assert answer.status_code == 200


async def test_an_upstream_that_is_not_there_is_an_empty_504(
    make_platform: Any, unused_tcp_port: int
) -> None:
    platform = await make_platform(payment_url=f"http://127.0.0.1:{unused_tcp_port}")

    answer = await platform.client.post(PAYMENT, json={})

    assert (answer.status_code, answer.content) == (504, b"")
    assert STAMP.fullmatch(answer.headers["x-timestamp"])


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"",
        b"nonsense\r\n\r\n",
        b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"responseCode":"2002500"',
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"responseCode"',
    ],
    ids=["late", "closed", "nonsense", "half", "half-chunked"],
)
async def test_an_upstream_that_fails_is_an_empty_504_and_never_half_an_answer(
    platform: Any, said: bytes | None
) -> None:
    platform.payments.answer, platform.payments.close = said, True

    answer = await platform.client.post(PAYMENT, json={})

    assert (answer.status_code, answer.content) == (504, b"")
    assert len(platform.payments.requests) == 1


async def test_a_bank_that_stops_half_way_reaches_nothing(platform: Any) -> None:
    answer = await platform.raw(
        f"POST {PAYMENT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        f"content-length: 10\r\n\r\nhalf".encode()
    )

    assert answer.startswith(b"HTTP/1.1 504 ")
    assert answer.endswith(b"\r\n\r\n")
    assert platform.payments.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 26\r\n\r\n"
        b'{"responseCode":"5002500"}',
        b'HTTP/1.1 404 Not Found\r\ncontent-length: 26\r\n\r\n{"responseCode":"4042512"}',
        b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_the_services_own_answer_passes_unchanged(platform: Any, answer: bytes) -> None:
    platform.payments.answer = answer

    passed = await platform.client.post(PAYMENT, json={})

    assert passed.status_code == int(answer.split()[1])
    assert passed.content == answer.split(b"\r\n\r\n", 1)[1]
