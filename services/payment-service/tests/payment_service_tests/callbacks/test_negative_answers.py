"""Every negative answer of docs/snap.md, Response codes, for every profile and both services."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from perisai_kit.domain import clock
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.timestamps import TimestampFormat

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
INQUIRY, PAYMENT = "24", "25"
OTHER_MONEY = {"value": "36800.00", "currency": "USD"}
IDS = ("partnerServiceId", "customerNo", "virtualAccountNo")
FORMATS = {
    TimestampFormat.SECONDS: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00",
    TimestampFormat.MILLISECONDS: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+07:00",
}


@dataclass
class Counter:
    """A bank at work, with a bill in every state."""

    bank: Bank
    called: str
    open: BillOut
    paid: BillOut
    ended: BillOut
    cancelled: BillOut

    def message(self, bill: BillOut | None = None, /, **changes: Any) -> dict[str, Any]:
        build = inquiry_of if self.called == INQUIRY else payment_of
        return build(bill or self.open, self.bank.partner, **changes)

    async def send(self, message: dict[str, Any], **how: Any) -> httpx.Response:
        send = self.bank.inquire if self.called == INQUIRY else self.bank.pay
        return await send(message, **how)


OpenCounter = Callable[[str, str], Awaitable[Counter]]


@pytest.fixture
def partner_cache_s() -> float:
    return 0


@pytest.fixture
def open_counter(make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill) -> OpenCounter:
    async def open_(called: str, profile: str) -> Counter:
        bank = await make_bank(profile=profile, replay_answer=ReplayAnswer.STORED_SUCCESS)
        bills = [await issue_bill(session) for _ in range(4)]
        counter = Counter(bank, called, *bills)
        await bank.pay(payment_of(counter.paid, bank.partner))
        late = clock.now() - timedelta(minutes=1)
        this = update(Bill).where(Bill.id == counter.ended.id)
        await session.execute(this.values(expires_at=late))
        other = update(Bill).where(Bill.id == counter.cancelled.id)
        await session.execute(
            other.values(
                status=BillStatus.VOID,
                withdrawn_at=clock.now(),
                void_reason=VoidReason.WRONG_DATA,
            )
        )
        return counter

    return open_


def negatives(counter: Counter) -> dict[str, tuple[dict[str, Any], dict[str, Any], str]]:
    """Return, by its code and message, what brings a negative answer about: message and how."""
    message, length = counter.message, counter.bank.profile.customer_no_length
    company = message()["partnerServiceId"]
    nobody: dict[str, Any] = {
        "customerNo": "9" * length,
        "virtualAccountNo": company + "9" * length,
    }
    money = "amount" if counter.called == INQUIRY else "paidAmount"
    name = "inquiryRequestId" if counter.called == INQUIRY else "paymentRequestId"
    late = clock.real_now() - timedelta(seconds=400)
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "40000 Bad Request": (message(), {"is_doubled": True}),
        f"40001 Invalid Field Format {money}.currency": (message(**{money: OTHER_MONEY}), {}),
        f"40001 Invalid Field Format {name}": (message(**{name: 7}), {}),
        "40001 Invalid Field Format X-TIMESTAMP": (
            message(),
            {"x_timestamp": "2026-11-22T10:00:00"},
        ),
        f"40002 Invalid Mandatory Field {name}": (message(**{name: ""}), {}),
        "40002 Invalid Mandatory Field X-EXTERNAL-ID": (message(), {"x_external_id": None}),
        "40100 Unauthorized. [Signature]": (message(), {"x_signature": "0" * 128}),
        "40100 Unauthorized. [Unknown client]": (message(), {"x_client_key": "nobody"}),
        "40100 Unauthorized. [Timestamp]": (message(), {"at": late}),
        "40411 Invalid Card/Account/Customer/Virtual Account": (
            message(virtualAccountNo=company + "1"),
            {},
        ),
        "40412 Invalid Bill/Virtual Account [Not Found]": (message(**nobody), {}),
        "40412 Invalid Bill/Virtual Account [Cancelled]": (message(counter.cancelled), {}),
        "40414 Paid Bill": (message(counter.paid), {}),
        "40416 Partner Not Found": (message(partnerServiceId="   77777"), {}),
        "40419 Invalid Bill/Virtual Account": (message(counter.ended), {}),
        "40900 Conflict": (message(), {"number": "4711"}),
    }
    if counter.called == PAYMENT:
        found["40413 Invalid Amount"] = (message(amount=1), {})
    if counter.bank.profile.needs_token:
        found["40101 Invalid Token (B2B)"] = (message(), {"authorization": "Bearer nothing"})
    return {
        f"{code[:3]}{counter.called}{code[3:]}": (content, how, name)
        for code, (content, how) in found.items()
    }


async def answer_to(
    counter: Counter, content: dict[str, Any], how: dict[str, Any]
) -> httpx.Response:
    if "is_doubled" not in how:
        return await counter.send(content, **how)
    text = json.dumps(content)[:-1] + ',"a":1,"a":2}'
    path = "inquiry" if counter.called == INQUIRY else "payment"
    return await counter.bank.send(f"/transfer-va/{path}", text.encode())


def said(answer: httpx.Response) -> str:
    body = answer.json()
    assert answer.status_code == int(body["responseCode"][:3])
    return f"{body['responseCode']} {body['responseMessage']}"


def assert_rejecting(answer: httpx.Response, sent: dict[str, Any], called: str) -> None:
    """A refusal repeats the ids as they came, rejects by its flag, and says why in two tongues."""
    data = answer.json()["virtualAccountData"]
    kind = "inquiry" if called == INQUIRY else "paymentFlag"
    assert {name: data[name] for name in IDS} == {name: sent[name] for name in IDS}
    assert data[f"{kind}Status"] == "01"
    reason = data[f"{kind}Reason"]
    assert 0 < len(reason["english"]) <= 64
    assert 0 < len(reason["indonesia"]) <= 64
    assert reason["english"] != reason["indonesia"]


@pytest.mark.parametrize("called", [INQUIRY, PAYMENT])
@pytest.mark.parametrize("profile", PROFILES)
async def test_every_negative_answer_has_its_code_and_its_words(
    open_counter: OpenCounter, called: str, profile: str
) -> None:
    counter = await open_counter(called, profile)
    await counter.send(counter.message(partnerServiceId="   77777"), number="4711")

    for expected, (content, how, name) in negatives(counter).items():
        answer = await answer_to(counter, content, how)

        assert said(answer) == expected
        form = FORMATS[counter.bank.profile.timestamp_format]
        assert re.fullmatch(form, answer.headers["x-timestamp"])
        if answer.status_code == 401:
            assert answer.json().keys() == {"responseCode", "responseMessage"}
            continue
        is_readable = "is_doubled" not in how
        assert_rejecting(answer, content if is_readable else dict.fromkeys(content, ""), called)
        echoed = answer.json()["virtualAccountData"][name]
        is_text = is_readable and isinstance(content[name], str)
        assert echoed == (content[name] if is_text else "")


@pytest.mark.parametrize("called", [INQUIRY, PAYMENT])
@pytest.mark.parametrize("profile", PROFILES)
async def test_a_suspended_partner_is_refused_with_its_ids(
    open_counter: OpenCounter, session: AsyncSession, called: str, profile: str
) -> None:
    counter = await open_counter(called, profile)
    counter.bank.partner.status = PartnerStatus.SUSPENDED
    await session.flush()
    message = counter.message()

    answer = await counter.send(message)

    assert said(answer) == f"403{called}01 Feature Not Allowed [Partner is suspended]"
    assert_rejecting(answer, message, called)
