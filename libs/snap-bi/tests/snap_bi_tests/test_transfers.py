"""Transfers (17, 18), through an httpx transport that plays the bank."""

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from snap_bi_tests.bank import (
    REQUESTED_AT,
    SECRET,
    SENT_AT,
    Bank,
    Connect,
    Reply,
    interbank,
    order,
    reply,
)

from snap_bi.headers import read_transaction_headers
from snap_bi.outcomes import Outcome
from snap_bi.profiles import BCA, BRI, GENERIC_HMAC, GENERIC_RSA, PROFILES, Profile
from snap_bi.transfer_outcomes import Refusal, TransferOrder
from snap_bi.transfer_rules import InterbankRoute
from snap_bi.verification import SignedParts, verify_symmetric_request


def done(code: str = "2001700", **more: Any) -> httpx.Response:
    stated = {
        "referenceNo": "B-77",
        "partnerReferenceNo": "PAY0001",
        "amount": {"value": "1250000.00", "currency": "IDR"},
        "beneficiaryAccountNo": "1234567890",
        "sourceAccountNo": "8880001112",
    }
    return reply(code, **{**stated, **more})


async def test_a_transfer_carries_the_stored_ids_and_time(connect: Connect) -> None:
    bank = Bank(done())

    made = await connect(bank).transfer(order())

    (request,) = bank.requests
    headers = read_transaction_headers(request.headers)
    assert request.url.path == "/snap/v1.0/transfer-intrabank"
    assert headers.external_id == "20261203000000000000000000000001"
    assert headers.timestamp == SENT_AT
    assert made.result.timestamp == SENT_AT
    assert made.result.external_id == headers.external_id
    assert made.outcome is Outcome.EXECUTED
    assert made.refusal is None
    assert made.answer is not None
    assert made.answer.reference_no == "B-77"
    assert bank.sent == {
        "partnerReferenceNo": "PAY0001",
        "amount": {"value": "1250000.00", "currency": "IDR"},
        "beneficiaryAccountNo": "1234567890",
        "currency": "IDR",
        "customerReference": "K7F3A2",
        "feeType": "OUR",
        "remark": "K7F3A2 INSENTIF PERISAI",
        "sourceAccountNo": "8880001112",
        "transactionDate": SENT_AT,
    }


async def test_a_transfer_is_signed_at_the_stored_time(connect: Connect) -> None:
    bank = Bank(done())

    await connect(bank).transfer(order())

    (request,) = bank.requests
    headers = read_transaction_headers(request.headers)
    parts = SignedParts(
        method="POST",
        target="/snap/v1.0/transfer-intrabank",
        body=request.content,
        timestamp=SENT_AT,
        signature=headers.signature,
        token="t",
    )
    assert verify_symmetric_request(GENERIC_HMAC, parts, secret=SECRET).is_accepted


async def test_a_transfer_to_another_bank_names_it_and_the_holder(connect: Connect) -> None:
    bank = Bank(done("2001800"))

    made = await connect(bank).transfer(interbank())

    assert made.outcome is Outcome.EXECUTED
    assert bank.requests[0].url.path == "/snap/v1.0/transfer-interbank"
    assert bank.sent["beneficiaryBankCode"] == "002"
    assert bank.sent["beneficiaryAccountName"] == "AGUS SALIM"
    assert bank.sent["customerReference"] == "K7F3A2"
    assert "remark" not in bank.sent  # the standard has none on service 18
    assert "additionalInfo" not in bank.sent


@pytest.mark.parametrize(
    ("route", "info"),
    [
        (None, {"transferType": "2", "purposeCode": "99"}),
        (InterbankRoute.BI_FAST, {"transferType": "2", "purposeCode": "99"}),
        (InterbankRoute.SWITCH, {"transferType": "1"}),
    ],
)
async def test_bca_gets_the_route_to_another_bank(
    connect: Connect, route: InterbankRoute | None, info: dict[str, str]
) -> None:
    bank = Bank(done("2001800", additionalInfo={"bifastId": "20261203CENAIDJA0100000001"}))

    made = await connect(bank, BCA, partner_id="KBBPERISAI").transfer(interbank(route=route))

    (request,) = bank.requests
    assert request.url.path == "/openapi/v2.0/transfer-interbank"
    assert request.headers["CHANNEL-ID"] == "95051"
    assert request.headers["X-PARTNER-ID"] == "KBBPERISAI"
    assert bank.sent["additionalInfo"] == info
    assert bank.sent["remark"] == "K7F3A2 INSENTIF PERISAI"
    assert made.answer is not None
    assert made.answer.additional_info == {"bifastId": "20261203CENAIDJA0100000001"}


async def test_without_ids_of_their_own_transfers_use_those_of_the_partner(
    connect: Connect,
) -> None:
    bank = Bank(done())

    await connect(bank).transfer(order())

    assert bank.requests[0].headers["CHANNEL-ID"] == "12345"
    assert bank.requests[0].headers["X-PARTNER-ID"] == "us"


async def test_bri_gets_milliseconds_and_short_external_ids(connect: Connect) -> None:
    bank = Bank(done())
    client = connect(bank, BRI)
    at = client.new_timestamp(REQUESTED_AT + timedelta(microseconds=123_456))

    await client.transfer(order(requested_at=at, external_id=client.new_external_id()))

    (request,) = bank.requests
    assert request.headers["X-TIMESTAMP"] == "2026-12-03T09:15:30.123+07:00"
    assert bank.sent["transactionDate"] == "2026-12-03T09:15:30.123+07:00"
    assert len(request.headers["X-EXTERNAL-ID"]) == 9


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
def test_the_time_to_store_is_the_time_that_is_sent(connect: Connect, profile: Profile) -> None:
    client = connect(Bank(), profile)
    once = client.new_timestamp(REQUESTED_AT + timedelta(microseconds=999_999))

    assert client.new_timestamp(once) == once
    assert REQUESTED_AT <= once < REQUESTED_AT + timedelta(seconds=1)
    assert len(client.new_external_id()) == profile.transfers.external_id_length <= 32


# Every row of docs/snap.md 4.5, on both services.
EXECUTED, REFUSED, UNKNOWN = Outcome.EXECUTED, Outcome.NOT_EXECUTED, Outcome.UNKNOWN
TABLE: list[tuple[str, Outcome, Refusal | None]] = [
    ("200xx00", EXECUTED, None),
    ("202xx00", UNKNOWN, None),
    ("400xx00", REFUSED, Refusal.REQUEST),
    ("400xx01", REFUSED, Refusal.REQUEST),
    ("400xx02", REFUSED, Refusal.REQUEST),
    ("401xx00", REFUSED, Refusal.REQUEST),
    ("401xx01", REFUSED, Refusal.TOKEN),
    ("403xx01", REFUSED, Refusal.REQUEST),
    ("403xx02", REFUSED, Refusal.LIMIT),
    ("403xx04", REFUSED, Refusal.LIMIT),
    ("403xx06", REFUSED, Refusal.CLOSED),
    ("403xx14", REFUSED, Refusal.FUNDS),
    ("403xx15", REFUSED, Refusal.BENEFICIARY),
    ("403xx18", REFUSED, Refusal.BENEFICIARY),
    ("404xx02", REFUSED, Refusal.BENEFICIARY),
    ("404xx03", REFUSED, Refusal.BENEFICIARY),
    ("404xx11", REFUSED, Refusal.BENEFICIARY),
    ("404xx13", REFUSED, Refusal.REQUEST),
    ("404xx01", UNKNOWN, None),
    ("404xx18", UNKNOWN, None),
    ("409xx00", UNKNOWN, None),
    ("409xx01", UNKNOWN, None),
    ("429xx00", REFUSED, Refusal.BUSY),
    ("500xx00", UNKNOWN, None),
    ("500xx01", UNKNOWN, None),
    ("504xx00", UNKNOWN, None),
]


@pytest.mark.parametrize("made", [order(), interbank()], ids=["17", "18"])
@pytest.mark.parametrize(("code", "outcome", "refusal"), TABLE)
async def test_each_code_has_its_outcome(
    connect: Connect, made: TransferOrder, code: str, outcome: Outcome, refusal: Refusal | None
) -> None:
    bank = Bank(done(code.replace("xx", made.service)))

    found = await connect(bank).transfer(made)

    assert (found.outcome, found.refusal) == (outcome, refusal)
    assert (found.answer is not None) is (outcome is EXECUTED)
    assert len(bank.requests) == 1


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("4031705", REFUSED), ("4031716", REFUSED), ("4001799", REFUSED)],
)
async def test_an_error_that_bri_does_not_list_is_pending_there(
    connect: Connect, code: str, outcome: Outcome
) -> None:
    assert (await connect(Bank(reply(code))).transfer(order())).outcome is outcome
    assert (await connect(Bank(reply(code)), BRI).transfer(order())).outcome is UNKNOWN


async def test_an_error_that_bri_lists_is_a_refusal_there(connect: Connect) -> None:
    found = await connect(Bank(reply("4031714")), BRI).transfer(order())

    assert (found.outcome, found.refusal) == (REFUSED, Refusal.FUNDS)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.PoolTimeout("x"),
        httpx.DecodingError("x"),
        ConnectionResetError(),
        RuntimeError("the handler is closed"),
        AttributeError("sock"),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"responseCode":"2001700","responseCode":"4041711"}'),
        httpx.Response(200, content=b'["2001700"]'),
        httpx.Response(200),
        httpx.Response(204),
        httpx.Response(502, content=b"bad gateway"),
        httpx.Response(504),
        httpx.Response(404),
        httpx.Response(403),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(200, content=b" " * 300_000),
        httpx.Response(
            200, headers={"content-encoding": "gzip"}, content=gzip.compress(done().content)
        ),
        httpx.Response(500, json={"responseCode": "500000"}),
        httpx.Response(200, json={"responseCode": "4031714"}),
        httpx.Response(403, json={"responseCode": "2001700"}),
        httpx.Response(201, json={"responseCode": "2001700"}),
        done("2001800"),
        reply("4031814"),
        reply("4033614"),
        done(partnerReferenceNo="PAY0002"),
        done(partnerReferenceNo=1),
        done(amount={"value": "1250001.00", "currency": "IDR"}),
        done(amount={"value": "1250000.00", "currency": "USD"}),
        done(amount={"value": "1250000", "currency": "IDR"}),
        done(amount={"value": "1250000.01", "currency": "IDR"}),
        done(beneficiaryAccountNo="1234567891"),
        done(sourceAccountNo="8880001113"),
    ],
    ids=repr,
)
async def test_whatever_proves_nothing_is_unknown(connect: Connect, answer: Reply) -> None:
    bank = Bank(answer)

    found = await connect(bank).transfer(order())

    assert found.outcome is UNKNOWN
    assert (found.answer, found.refusal) == (None, None)
    assert found.result.external_id == "20261203000000000000000000000001"
    assert len(bank.requests) == 1


async def test_an_answer_without_the_fields_that_banks_leave_out_is_executed(
    connect: Connect,
) -> None:
    found = await connect(Bank(reply("2001700"))).transfer(order())

    assert found.outcome is EXECUTED
    assert found.answer is not None
    assert found.answer.reference_no is None


async def test_a_refused_token_means_that_no_transfer_was_sent(connect: Connect) -> None:
    bank = Bank(token=reply("4017300"))

    found = await connect(bank).transfer(order())

    assert (found.outcome, found.refusal) == (REFUSED, Refusal.NOT_SENT)
    assert not found.result.was_sent
    assert found.refusal is not None
    assert found.refusal.may_repeat
    assert bank.requests == []


async def test_a_token_refused_on_a_transfer_is_not_used_again(connect: Connect) -> None:
    bank = Bank(reply("4011701"), done())
    client = connect(bank)

    first = await client.transfer(order())
    second = await client.transfer(order(external_id="2"))

    assert first.refusal is Refusal.TOKEN
    assert second.outcome is EXECUTED
    assert bank.token_requests == 2


async def test_a_token_is_asked_for_before_a_transfer_is_marked_as_sent(connect: Connect) -> None:
    assert await connect(Bank()).is_ready()
    assert not await connect(Bank(token=reply("4017300"))).is_ready()
    assert not await connect(Bank(token=httpx.ConnectTimeout("x"))).is_ready()
    assert await connect(Bank(token=reply("4017300")), GENERIC_RSA).is_ready()


async def test_bca_is_asked_for_the_holder_under_the_reference_of_the_transfer(
    connect: Connect,
) -> None:
    holder = {"beneficiaryAccountName": "AGUS SALIM", "beneficiaryAccountNo": "1234567890"}
    bank = Bank(reply("2001500", **holder), done())
    client = connect(bank, BCA)

    inquiry = await client.inquire_beneficiary(order())
    await client.transfer(order())

    asked, moved = (json.loads(request.content) for request in bank.requests)
    assert client.rules.needs_account_inquiry
    assert inquiry.answer is not None
    assert inquiry.answer.beneficiary_account_name == "AGUS SALIM"
    assert asked["partnerReferenceNo"] == moved["partnerReferenceNo"] == "PAY0001"
    assert bank.requests[0].url.path == "/openapi/v1.0/account-inquiry-internal"
    assert bank.requests[0].headers["CHANNEL-ID"] == "95051"


@pytest.mark.parametrize(
    ("route", "info"),
    [
        (InterbankRoute.SWITCH, {"inquiryService": "1"}),
        (
            InterbankRoute.BI_FAST,
            {
                "inquiryService": "2",
                "sourceAccountNo": "8880001112",
                "amount": {"value": "1250000.00", "currency": "IDR"},
                "purposeCode": "99",
            },
        ),
    ],
)
async def test_bca_is_asked_for_a_holder_elsewhere_by_the_route_of_the_transfer(
    connect: Connect, route: InterbankRoute, info: dict[str, object]
) -> None:
    bank = Bank(reply("2001600", beneficiaryAccountName="AGUS"))

    await connect(bank, BCA).inquire_beneficiary(interbank(route=route))

    assert bank.requests[0].url.path == "/openapi/v2.0/account-inquiry-external"
    assert bank.sent["additionalInfo"] == info


def test_an_order_shows_no_person_and_no_account_in_its_text() -> None:
    shown = repr(interbank())

    assert "AGUS" not in shown
    assert "1234567890" not in shown
    assert "8880001112" not in shown


@pytest.mark.parametrize("refusal", Refusal)
def test_only_a_refusal_that_passes_by_itself_is_repeated_without_an_officer(
    refusal: Refusal,
) -> None:
    expected = {Refusal.NOT_SENT, Refusal.TOKEN, Refusal.BUSY}

    assert refusal.may_repeat is (refusal in expected)


async def test_a_bank_may_have_paths_of_its_own(connect: Connect) -> None:
    rules = replace(GENERIC_HMAC.transfers, intrabank_path="/v9/pay")
    bank = Bank(done())

    await connect(bank, replace(GENERIC_HMAC, transfers=rules)).transfer(order())

    assert bank.requests[0].url.path == "/v9/pay"
