"""Service 36: the status of a transfer, and answers that do not state it."""

from datetime import date
from typing import Any

import httpx
import pytest
from snap_bi_tests.bank import SENT_AT, Bank, Connect, Reply, order, reply

from snap_bi.profiles import BCA
from snap_bi.transfer_outcomes import BankTransferStatus


def status(latest: str = "00", code: str = "2003600", **more: Any) -> httpx.Response:
    stated = {
        "originalPartnerReferenceNo": "PAY0001",
        "originalExternalId": "20261203000000000000000000000001",
        "serviceCode": "17",
        "amount": {"value": "1250000.00", "currency": "IDR"},
        "latestTransactionStatus": latest,
        "referenceNumber": "B-77",
        "beneficiaryAccountNo": "1234567890",
    }
    return reply(code, **{**stated, **more})


async def test_status_is_asked_with_all_that_was_stored(connect: Connect) -> None:
    bank = Bank(status())

    found = await connect(bank, BCA).inquire_transfer(order(), reference_no="B-77")

    assert found.status is BankTransferStatus.PAID
    assert found.answer is not None
    assert found.answer.reference_number == "B-77"
    assert bank.requests[0].url.path == "/openapi/v1.0/transfer/status"
    assert bank.requests[0].headers["CHANNEL-ID"] == "95051"
    assert bank.requests[0].headers["X-EXTERNAL-ID"] != order().external_id
    assert bank.sent == {
        "originalPartnerReferenceNo": "PAY0001",
        "originalReferenceNo": "B-77",
        "originalExternalId": "20261203000000000000000000000001",
        "serviceCode": "17",
        "transactionDate": SENT_AT,
        "amount": {"value": "1250000.00", "currency": "IDR"},
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (status("00"), BankTransferStatus.PAID),
        (status("01"), BankTransferStatus.PENDING),
        (status("02"), BankTransferStatus.PENDING),
        (status("03"), BankTransferStatus.PENDING),
        (status("04"), BankTransferStatus.RETURNED),
        (status("05"), BankTransferStatus.FAILED),
        (status("06"), BankTransferStatus.FAILED),
        (status("07"), BankTransferStatus.NOT_FOUND),
        (reply("4043601"), BankTransferStatus.NOT_FOUND),
        (status("08"), BankTransferStatus.UNKNOWN),
        (status(""), BankTransferStatus.UNKNOWN),
        (reply("2003600"), BankTransferStatus.UNKNOWN),
        (status("00", "2023600"), BankTransferStatus.UNKNOWN),
        (status("00", "2001700"), BankTransferStatus.UNKNOWN),
        (reply("4041701"), BankTransferStatus.UNKNOWN),
        (reply("4043600"), BankTransferStatus.UNKNOWN),
        (reply("4003601"), BankTransferStatus.UNKNOWN),
        (reply("4013600"), BankTransferStatus.UNKNOWN),
        (reply("4293600"), BankTransferStatus.UNKNOWN),
        (reply("5003600"), BankTransferStatus.UNKNOWN),
        (httpx.Response(200, json={"responseCode": "4043601"}), BankTransferStatus.UNKNOWN),
        (httpx.Response(404), BankTransferStatus.UNKNOWN),
        (httpx.Response(200, content=b"<html>"), BankTransferStatus.UNKNOWN),
        (httpx.ReadTimeout("x"), BankTransferStatus.UNKNOWN),
        (status("06", originalPartnerReferenceNo="PAY0002"), BankTransferStatus.UNKNOWN),
        (status("06", originalExternalId="2"), BankTransferStatus.UNKNOWN),
        (status("06", serviceCode="18"), BankTransferStatus.UNKNOWN),
        (status("06", beneficiaryAccountNo="5"), BankTransferStatus.UNKNOWN),
        (status("06", sourceAccountNo="5"), BankTransferStatus.UNKNOWN),
        (
            status("00", amount={"value": "1.00", "currency": "IDR"}),
            BankTransferStatus.UNKNOWN,
        ),
    ],
)
async def test_only_a_clear_answer_about_this_transfer_states_its_status(
    connect: Connect, answer: Reply, expected: BankTransferStatus
) -> None:
    found = await connect(Bank(answer)).inquire_transfer(order())

    assert found.status is expected
    has_answer = expected not in (BankTransferStatus.UNKNOWN, BankTransferStatus.NOT_FOUND)
    assert (found.answer is not None) or not has_answer


async def test_a_refused_token_is_renewed_once_for_a_status(connect: Connect) -> None:
    bank = Bank(reply("4013601"), status())

    found = await connect(bank).inquire_transfer(order())

    assert found.status is BankTransferStatus.PAID
    assert len({request.headers["X-EXTERNAL-ID"] for request in bank.requests}) == 2


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ({"transactionDate": "2026-12-31T23:59:59+07:00"}, date(2026, 12, 31)),
        ({"transactionDate": "2026-12-31T18:00:00Z"}, date(2027, 1, 1)),
        ({"transactionDate": "31/12/2026"}, None),
        ({"transactionDate": 20261231}, None),
        ({}, None),
    ],
)
async def test_the_day_that_a_bank_states_is_that_of_jakarta_and_one_that_is_none_is_left_out(
    connect: Connect, stated: dict[str, Any], day: date | None
) -> None:
    found = await connect(Bank(status("00", **stated)), BCA).inquire_transfer(order())

    assert found.status is BankTransferStatus.PAID
    assert found.answer is not None
    assert found.answer.executed_on == day
