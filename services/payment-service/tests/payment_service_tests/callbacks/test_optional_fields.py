"""A field that nobody reads refuses nothing, whatever stands in it; it is left out and shown."""

import json
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from prometheus_client import REGISTRY
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.testing.plugin import Tokens

ODD: list[dict[str, Any]] = [
    {"referenceNo": 1136962},
    {"referenceNo": "0" * 65},
    {"journalNum": 123456},
    {"sourceBankCode": 8},
    {"hashedSourceAccountNo": "a" * 64},
    {"billDetails": {"billNo": "1"}},
    {"billDetails": "none"},
    {"freeTexts": {"english": "x"}},
    {"additionalInfo": "x"},
    {"virtualAccountName": ["Siti"], "virtualAccountPhone": 62812},
    {"totalAmount": {"value": 36800, "currency": "USD"}},
    {"channelCode": "ATM-1"},
    {"flagAdvise": "YES"},
    {"paymentType": "online"},
    {"subCompany": 0},
    {"cumulativePaymentAmount": "1.00"},
    {"paidBills": "xyz"},
    {"paidBills": "9500000"},
    {"paidBills": 95000},
    {"paidBills": ["95000"]},
    {"paidBills": {"0": "95000"}},
    {"paidBills": True},
    {"virtualAccountName": "\ud800", "referenceNo": "a\x00b", "journalNum": "a\r\nb"},
]
ODD_IN_INQUIRY: list[dict[str, Any]] = [
    {"language": "Bahasa"},
    {"txnDateInit": "2026-11-22"},
    {"trxDateInit": 20261122},
    {"passApp": 1},
    {"channelCode": 10**9},
    {"sourceBankCode": 8},
    {"hashedSourceAccountNo": "a" * 64},
    {"additionalInfo": [1]},
    {"language": "\ud800", "passApp": "a\x00b"},
]
ABSENT: list[dict[str, Any]] = [
    {"additionalInfo": []},
    {"additionalInfo": {}},
    {"additionalInfo": None},
    {"freeTexts": None},
    {"paidBills": []},
    {"paidBills": None},
    {"totalAmount": []},
]


def counted(service: str, field: str) -> float:
    labels = {"service": service, "field": field}
    return REGISTRY.get_sample_value("snap_dropped_fields_total", labels) or 0.0


async def last_dropped(client: httpx.AsyncClient, tokens: Tokens, bank: Bank) -> list[str]:
    answer = await client.get(
        f"/v1/bank-partners/{bank.partner.id}/requests",
        headers=tokens.make(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}),
    )
    dropped: list[str] = answer.json()["items"][0]["dropped_fields"]
    return dropped


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_a_payment_with_an_odd_optional_field_is_booked_without_it(
    *,
    bank: Bank,
    bill: BillOut,
    session: AsyncSession,
    snap_client: httpx.AsyncClient,
    tokens: Tokens,
    odd: dict[str, Any],
) -> None:
    before = {name: counted("25", name) for name in odd}

    answer = await bank.pay(payment_of(bill, bank.partner, **odd))

    assert answer.json()["responseCode"] == "2002500"
    assert answer.json()["virtualAccountData"]["paymentFlagStatus"] == "00"
    assert await last_dropped(snap_client, tokens, bank) == sorted(odd)
    assert {name: counted("25", name) for name in odd} == {
        name: count + 1 for name, count in before.items()
    }
    (payment,) = await session.scalars(select(Payment))
    assert payment.amount == bill.amount


@pytest.mark.parametrize("odd", ODD_IN_INQUIRY, ids=str)
async def test_an_inquiry_with_an_odd_optional_field_is_answered(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, tokens: Tokens, odd: dict[str, Any]
) -> None:
    answer = await bank.inquire(inquiry_of(bill, bank.partner, **odd))

    assert answer.json()["responseCode"] == "2002400"
    assert await last_dropped(snap_client, tokens, bank) == sorted(odd)


@pytest.mark.parametrize("absent", ABSENT, ids=str)
async def test_an_empty_optional_object_is_an_absent_one(
    bank: Bank,
    bill: BillOut,
    snap_client: httpx.AsyncClient,
    tokens: Tokens,
    absent: dict[str, Any],
) -> None:
    asked = await bank.inquire({**inquiry_of(bill, bank.partner), **absent})
    dropped = await last_dropped(snap_client, tokens, bank)

    paid = await bank.pay(payment_of(bill, bank.partner, **absent))

    assert asked.json()["responseCode"] == "2002400"
    assert paid.json()["responseCode"] == "2002500"
    # The inquiry has no such fields at all, so they are not known there.
    unknown_in_inquiry = [name for name, value in absent.items() if name != "additionalInfo"]
    assert dropped == [name for name in unknown_in_inquiry if absent[name] is not None]
    assert await last_dropped(snap_client, tokens, bank) == []


@pytest.mark.parametrize("channel", ["123456", "ATM 1"])
async def test_an_odd_channel_refuses_nothing(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, tokens: Tokens, channel: str
) -> None:
    asked = await bank.inquire(inquiry_of(bill, bank.partner), channel_id=channel)
    paid = await bank.pay(payment_of(bill, bank.partner), channel_id=channel)

    assert asked.json()["responseCode"] == "2002400"
    assert paid.json()["responseCode"] == "2002500"
    assert await last_dropped(snap_client, tokens, bank) == ["CHANNEL-ID"]


async def test_of_unknown_fields_only_what_can_be_a_name_is_shown(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    before = counted("25", "unknown")
    unknown: dict[str, Any] = {
        "newField": 1,
        "6281234567890": 1,
        "a,b": 1,
        "Siti Aminah": "x",
        "é": 2,
    }

    answer = await bank.pay(payment_of(bill, bank.partner, **unknown))

    assert answer.json()["responseCode"] == "2002500"
    assert await last_dropped(snap_client, tokens, bank) == ["?", "newField"]
    assert counted("25", "unknown") == before + len(unknown)


async def test_a_thousand_unknown_fields_fill_no_row(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    letters = "abcdefghij"
    many = {f"field{a}{b}{c}": 1 for a in letters for b in letters for c in letters}

    answer = await bank.pay(payment_of(bill, bank.partner, **many))

    assert answer.json()["responseCode"] == "2002500"
    assert len(await last_dropped(snap_client, tokens, bank)) == 20


async def test_a_byte_order_mark_in_front_of_the_message_is_not_read(
    bank: Bank, bill: BillOut
) -> None:
    messages = [inquiry_of(bill, bank.partner), payment_of(bill, bank.partner)]

    answers = [
        await bank.send(f"/transfer-va/{name}", b"\xef\xbb\xbf" + json.dumps(message).encode())
        for name, message in zip(("inquiry", "payment"), messages, strict=True)
    ]

    assert [answer.json()["responseCode"] for answer in answers] == ["2002400", "2002500"]


@pytest.mark.parametrize("odd", [{"paidBills": 95000}, {"paid_bills": "95000"}], ids=str)
async def test_a_repeat_with_the_same_odd_field_is_a_repeat(
    bank: Bank, bill: BillOut, session: AsyncSession, odd: dict[str, Any]
) -> None:
    message = payment_of(bill, bank.partner, **odd)

    answers = [await bank.pay(message), await bank.pay(message)]

    assert answers[0].json()["responseCode"] == "2002500"
    assert answers[1].content == answers[0].content
    assert len((await session.scalars(select(Payment))).all()) == 1
