"""Our calls to banks, through an httpx transport that plays the bank."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from snap_bi.client import BankClient
from snap_bi.codes import ResponseCode, Service
from snap_bi.headers import read_token_headers, read_transaction_headers
from snap_bi.outcomes import Outcome, classify
from snap_bi.outgoing import Sender
from snap_bi.profiles import BCA, GENERIC_HMAC, GENERIC_RSA, Profile
from snap_bi.verification import SignedParts, verify_symmetric_request, verify_token_request

SECRET = "a secret of the test"
Script = httpx.Response | Exception


def answer(status: int, code: str, **more: object) -> httpx.Response:
    return httpx.Response(status, json={"responseCode": code, "responseMessage": "m", **more})


FOUND = {"beneficiaryAccountName": "AGUS", "beneficiaryAccountNo": "1234567890"}


class Bank:
    """A bank that checks our signatures and answers from a script."""

    def __init__(self, private_key: RSAPrivateKey, *script: Script) -> None:
        self.public_key = private_key.public_key()
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.tokens_given = 0
        self.token_answer: Script | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access-token/b2b"):
            return self.give_token(request)
        self.requests.append(request)
        reply = self.script.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def give_token(self, request: httpx.Request) -> httpx.Response:
        headers = read_token_headers(request.headers)
        verdict = verify_token_request(
            client_id=headers.client_key,
            timestamp=headers.timestamp,
            signature=headers.signature,
            public_key=self.public_key,
        )
        assert verdict.is_accepted
        if isinstance(self.token_answer, Exception):
            raise self.token_answer
        self.tokens_given += 1
        token = {"accessToken": f"token-{self.tokens_given}", "expiresIn": "900"}
        return self.token_answer or httpx.Response(200, json=token)


@pytest.fixture
def connect(private_key: RSAPrivateKey, now: datetime) -> Callable[..., BankClient]:
    def connect_to(bank: Bank, profile: Profile = GENERIC_HMAC, **more: object) -> BankClient:
        clock = more.get("now") or (lambda: now)
        return BankClient(
            profile,
            Sender(
                client_id="us",
                partner_id="us",
                channel_id=profile.outbound_channel_id,
                secret=SECRET,
                private_key=private_key,
            ),
            base_url="https://bank.example/base",
            now=clock,  # type: ignore[arg-type]  # a keyword of the test's own
            transport=httpx.MockTransport(bank),
            timeout_s=more.get("timeout_s", 10.0),  # type: ignore[arg-type]  # as above
        )

    return connect_to


Connect = Callable[..., BankClient]


async def test_bytes_sent_are_the_bytes_signed(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key, answer(200, "2001500", **FOUND))

    inquiry = await connect(bank).inquire_account(account_no="1234567890")

    request = bank.requests[0]
    headers = read_transaction_headers(request.headers)
    verdict = verify_symmetric_request(
        GENERIC_HMAC,
        SignedParts(
            method="POST",
            target="/base/snap/v1.0/account-inquiry-internal",
            body=request.content,
            timestamp=headers.timestamp,
            signature=headers.signature,
            token=headers.token or "",
        ),
        secret=SECRET,
    )
    assert verdict.is_accepted
    assert inquiry.result.string_to_sign == verdict.string_to_sign
    assert inquiry.result.outcome is Outcome.EXECUTED
    assert inquiry.answer is not None
    assert inquiry.answer.beneficiary_account_name == "AGUS"
    assert inquiry.result.external_id == headers.external_id
    assert "additionalInfo" not in json.loads(request.content)


async def test_account_of_another_bank_is_asked_by_service_16(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key, answer(200, "2001600", **FOUND))

    inquiry = await connect(bank, BCA).inquire_account(account_no="1", bank_code="002")

    assert bank.requests[0].url.path == "/base/openapi/v2.0/account-inquiry-external"
    sent = json.loads(bank.requests[0].content)
    assert (sent["beneficiaryBankCode"], sent["additionalInfo"]) == ("002", {"inquiryService": "1"})
    assert len(bank.requests[0].headers["X-EXTERNAL-ID"]) == 32
    assert inquiry.result.outcome is Outcome.EXECUTED


async def test_account_at_the_bank_itself_is_asked_for_without_a_route(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key, answer(200, "2001500", **FOUND))

    await connect(bank, BCA).inquire_account(account_no="1")

    assert "additionalInfo" not in json.loads(bank.requests[0].content)


async def test_token_is_taken_once_and_again_before_it_ends(
    connect: Connect, private_key: RSAPrivateKey, now: datetime
) -> None:
    bank = Bank(private_key, *(answer(200, "2001500", **FOUND) for _ in range(3)))
    clock = [now]
    client = connect(bank, now=lambda: clock[0])

    await client.inquire_account(account_no="1")
    clock[0] = now + timedelta(seconds=839)
    await client.inquire_account(account_no="1")
    assert bank.tokens_given == 1

    clock[0] = now + timedelta(seconds=841)
    await client.inquire_account(account_no="1")
    assert bank.tokens_given == 2


async def test_token_is_not_kept_longer_than_the_standard_says(
    connect: Connect, private_key: RSAPrivateKey, now: datetime
) -> None:
    bank = Bank(private_key, *(answer(200, "2001500", **FOUND) for _ in range(2)))
    bank.token_answer = httpx.Response(200, json={"accessToken": "t", "expiresIn": 86400})
    clock = [now]
    client = connect(bank, now=lambda: clock[0])

    await client.inquire_account(account_no="1")
    clock[0] = now + timedelta(seconds=900)
    await client.inquire_account(account_no="1")

    assert bank.tokens_given == 2


async def test_refused_token_is_renewed_once_under_a_new_external_id(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key, answer(401, "4011501"), answer(200, "2001500", **FOUND))

    inquiry = await connect(bank).inquire_account(account_no="1")

    first, second = bank.requests
    assert inquiry.result.outcome is Outcome.EXECUTED
    assert first.headers["Authorization"] != second.headers["Authorization"]
    assert first.headers["X-EXTERNAL-ID"] != second.headers["X-EXTERNAL-ID"]


async def test_asymmetric_profile_takes_no_token(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key, answer(200, "2001500", **FOUND))

    await connect(bank, GENERIC_RSA).inquire_account(account_no="1")

    assert bank.tokens_given == 0
    assert "Authorization" not in bank.requests[0].headers


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.PoolTimeout("x"),
        httpx.DecodingError("x"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_any_exception_of_the_client_is_unknown(
    connect: Connect, private_key: RSAPrivateKey, error: Exception
) -> None:
    bank = Bank(private_key, error)

    inquiry = await connect(bank).inquire_account(account_no="1")

    assert inquiry.result.outcome is Outcome.UNKNOWN
    assert inquiry.result.external_id
    assert inquiry.answer is None


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"responseCode":"2001500","responseCode":"4041511"}'),
        httpx.Response(504),
        httpx.Response(200, content=b" " * 300_000),
        answer(200, "2001500"),
        answer(200, "2001600", **FOUND),
        answer(404, "2001500", **FOUND),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(
            200,
            headers={"content-encoding": "gzip"},
            content=gzip.compress(b'{"responseCode":"2001500","beneficiaryAccountName":"AGUS"}'),
        ),
    ],
)
async def test_answer_that_cannot_be_read_is_unknown(
    connect: Connect, private_key: RSAPrivateKey, reply: httpx.Response
) -> None:
    inquiry = await connect(Bank(private_key, reply)).inquire_account(account_no="1")

    assert inquiry.result.outcome is Outcome.UNKNOWN
    assert inquiry.answer is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(
    connect: Connect, private_key: RSAPrivateKey, status: int
) -> None:
    moved = httpx.Response(status, headers={"location": "https://bank.example/elsewhere"})
    bank = Bank(private_key, moved)

    inquiry = await connect(bank).inquire_account(account_no="1")

    assert inquiry.result.outcome is Outcome.UNKNOWN
    assert len(bank.requests) == 1


class Drip(httpx.AsyncByteStream):
    """An answer that trickles and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.1)


async def test_a_call_ends_in_time_when_the_answer_trickles(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key, httpx.Response(200, stream=Drip()))

    inquiry = await connect(bank, timeout_s=2.0).inquire_account(account_no="1")

    assert inquiry.result.outcome is Outcome.UNKNOWN
    assert inquiry.result.external_id


@pytest.mark.parametrize("optional", [{"additionalInfo": []}, {"referenceNo": 5}, {"new": 1}])
async def test_an_odd_optional_field_of_an_answer_is_left_out(
    connect: Connect, private_key: RSAPrivateKey, optional: dict[str, object]
) -> None:
    bank = Bank(private_key, answer(200, "2001500", **FOUND, **optional))
    bank.token_answer = httpx.Response(
        200, json={"accessToken": "t", "expiresIn": "900", "tokenType": 1, "additionalInfo": []}
    )

    inquiry = await connect(bank).inquire_account(account_no="1")

    assert inquiry.answer is not None
    assert inquiry.answer.beneficiary_account_name == "AGUS"


async def test_refused_token_means_nothing_was_sent(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key)
    bank.token_answer = answer(401, "4017300")

    inquiry = await connect(bank).inquire_account(account_no="1")

    assert inquiry.result.outcome is Outcome.NOT_EXECUTED
    assert bank.requests == []


async def test_failed_call_for_a_token_is_unknown_like_any_other(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    bank = Bank(private_key)
    bank.token_answer = httpx.ConnectTimeout("x")

    inquiry = await connect(bank).inquire_account(account_no="1")

    assert inquiry.result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("2001700", Outcome.EXECUTED),
        ("2021700", Outcome.UNKNOWN),
        ("4001701", Outcome.NOT_EXECUTED),
        ("4011700", Outcome.NOT_EXECUTED),
        ("4031714", Outcome.NOT_EXECUTED),
        ("4041702", Outcome.NOT_EXECUTED),
        ("4041711", Outcome.NOT_EXECUTED),
        ("4041713", Outcome.NOT_EXECUTED),
        ("4041718", Outcome.UNKNOWN),
        ("4041701", Outcome.UNKNOWN),
        ("4091700", Outcome.UNKNOWN),
        ("4091701", Outcome.UNKNOWN),
        ("4291700", Outcome.NOT_EXECUTED),
        ("5001700", Outcome.UNKNOWN),
        ("5041700", Outcome.UNKNOWN),
        ("2001800", Outcome.UNKNOWN),
    ],
)
def test_only_named_codes_are_certain(code: str, outcome: Outcome) -> None:
    status = int(code[:3])

    assert classify(Service.TRANSFER_INTRABANK, status, ResponseCode.parse(code)) is outcome


async def test_external_ids_have_the_length_the_bank_takes(
    connect: Connect, private_key: RSAPrivateKey
) -> None:
    short = replace(GENERIC_HMAC, external_id_length=9)

    assert len(connect(Bank(private_key), short).new_external_id()) == 9
