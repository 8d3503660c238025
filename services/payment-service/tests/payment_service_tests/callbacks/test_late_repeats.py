"""A late repeat of a settled payment: the same bytes and headers, or its content signed again.

Its timestamp is too old and its token has expired. After a refusal the bank would refund the
customer, so a payment that is booked is confirmed. Every other late message is refused.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.models import AccessToken, UnprovenRequest
from payment_service.bank_access.rules import CallbackCheck, token_hash
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.payments.models import Payment
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.testing.plugin import MakeApp, Wire, open_app_client
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.readings import BankReading, read_payment_answer

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
TWENTY_MINUTES = timedelta(minutes=20)
FORGOTTEN = "a token that nobody remembers"
STORED, INCONSISTENT = ReplayAnswer.STORED_SUCCESS, ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT
BANKS = [
    pytest.param("generic-hmac", None, "2002500", id="generic-hmac"),
    pytest.param("generic-rsa", None, "2002500", id="generic-rsa"),
    pytest.param("bca", INCONSISTENT, "4042518", id="bca"),
    pytest.param("bca", STORED, "2002500", id="bca that signed off 2002500"),
    pytest.param("bri", STORED, "2002500", id="bri"),
]
WITH_TOKEN = [bank for bank in BANKS if PROFILES[str(bank.values[0])].needs_token]


async def pay_late(bank: Bank, message: dict[str, Any], **how: Any) -> httpx.Response:
    return await bank.pay(message, **{"at": clock.real_now() - TWENTY_MINUTES, **how})


def assert_confirmed(bank: Bank, first: httpx.Response, late: httpx.Response, code: str) -> None:
    assert late.json()["responseCode"] == code
    assert late.status_code == int(code[:3])
    assert late.json()["virtualAccountData"] == first.json()["virtualAccountData"]
    assert late.json()["virtualAccountData"]["paymentFlagStatus"] == "00"
    assert read_payment_answer(bank.profile, late.content) is BankReading.PAID


@pytest.mark.parametrize(("profile", "signed_off", "code"), BANKS)
async def test_a_settled_payment_with_an_old_timestamp_is_answered_as_its_repeat(
    *,
    make_bank: MakeBank,
    session: AsyncSession,
    issue_bill: IssueBill,
    kept: Kept,
    booked: Booked,
    profile: str,
    signed_off: ReplayAnswer | None,
    code: str,
) -> None:
    bank = await make_bank(profile=profile, replay_answer=signed_off)
    message = payment_of(await issue_bill(session), bank.partner)
    first = await bank.pay(message, number="4711")

    late = await pay_late(bank, {**message, "journalNum": 123456}, number="4711")

    assert_confirmed(bank, first, late, code)
    messages = await kept()
    assert [each.verdict for each in messages] == [
        CallbackOutcome.SETTLED,
        CallbackOutcome.REPEATED,
    ]
    assert messages[1].first_id == messages[0].id
    assert messages[1].dropped_fields == ["journalNum"]
    assert len(await booked()) == 1


@pytest.mark.parametrize("is_forgotten", [False, True])
@pytest.mark.parametrize(("profile", "signed_off", "code"), WITH_TOKEN)
async def test_the_very_bytes_and_headers_are_answered_although_their_token_has_ended(
    *,
    make_bank: MakeBank,
    session: AsyncSession,
    database: Database,
    make_app: MakeApp,
    wire: Wire,
    issue_bill: IssueBill,
    profile: str,
    signed_off: ReplayAnswer | None,
    code: str,
    is_forgotten: bool,
) -> None:
    bank = await make_bank(profile=profile, replay_answer=signed_off)
    message = payment_of(await issue_bill(session), bank.partner)
    first = await bank.pay(message)
    sent = first.request
    await session.execute(delete(AccessToken))
    if not is_forgotten:
        ended_at = clock.real_now() - timedelta(seconds=1)
        digest = token_hash(bank.token)
        session.add(AccessToken(token_hash=digest, partner_id=bank.partner.id, expires_at=ended_at))
    await session.flush()

    async with open_app_client(make_app(database=database, wire=wire)) as elsewhere:
        late = await elsewhere.post(sent.url.path, content=sent.content, headers=dict(sent.headers))

    assert_confirmed(bank, first, late, code)


@pytest.mark.parametrize(("profile", "signed_off", "code"), WITH_TOKEN)
async def test_an_old_timestamp_and_a_dead_token_together_still_confirm_it(
    *,
    make_bank: MakeBank,
    session: AsyncSession,
    issue_bill: IssueBill,
    profile: str,
    signed_off: ReplayAnswer | None,
    code: str,
) -> None:
    bank = await make_bank(profile=profile, replay_answer=signed_off)
    message = payment_of(await issue_bill(session), bank.partner)
    first = await bank.pay(message, number="4711")

    late = await pay_late(bank, message, number="4711", token=FORGOTTEN)

    assert_confirmed(bank, first, late, code)


@pytest.mark.parametrize(
    ("how", "code", "check"),
    [
        ({}, "4012500", CallbackCheck.TIMESTAMP),
        ({"token": FORGOTTEN}, "4012501", CallbackCheck.TOKEN),
        ({"at": clock.real_now() + TWENTY_MINUTES}, "4012500", CallbackCheck.TIMESTAMP),
    ],
)
@pytest.mark.parametrize(
    "changes",
    [
        {"paymentRequestId": "another"},
        {"paidAmount": {"value": "1.00", "currency": "IDR"}},
        {"trxId": "another"},
        {"paidAmount": None},
        {"paidAmount": []},
    ],
    ids=str,
)
async def test_anything_else_so_late_is_not_believed(
    *,
    bank: Bank,
    bill: BillOut,
    session: AsyncSession,
    kept: Kept,
    booked: Booked,
    changes: dict[str, Any],
    how: dict[str, Any],
    code: str,
    check: CallbackCheck,
) -> None:
    message = payment_of(bill, bank.partner)
    await bank.pay(message)

    late = await pay_late(bank, {**message, **changes}, **how)

    assert late.json()["responseCode"] == code
    assert late.json().keys() == {"responseCode", "responseMessage"}
    assert len(await kept()) == len(await booked()) == 1
    assert list(await session.scalars(select(UnprovenRequest.failed_check))) == [check]


async def test_a_late_payment_flag_that_repeats_nothing_is_not_booked(
    bank: Bank, bill: BillOut, kept: Kept, booked: Booked
) -> None:
    late = await pay_late(bank, payment_of(bill, bank.partner))

    assert late.json()["responseMessage"] == "Unauthorized. [Timestamp]"
    assert await kept() == []
    assert await booked() == []


async def test_a_refusal_is_not_confirmed_late(bank: Bank, bill: BillOut) -> None:
    wrong = payment_of(bill, bank.partner, amount=1)
    await bank.pay(wrong)

    late = await pay_late(bank, wrong)

    assert late.json()["responseMessage"] == "Unauthorized. [Timestamp]"


async def test_an_inquiry_is_never_answered_late(bank: Bank, bill: BillOut) -> None:
    at = clock.real_now() - TWENTY_MINUTES

    old, dead = [
        await bank.inquire(inquiry_of(bill, bank.partner), **how)
        for how in ({"at": at}, {"token": FORGOTTEN})
    ]

    assert old.json()["responseMessage"] == "Unauthorized. [Timestamp]"
    assert dead.json()["responseCode"] == "4012401"


@pytest.mark.parametrize("how", [{}, {"token": FORGOTTEN}])
async def test_a_repeat_under_another_secret_is_not_believed(
    bank: Bank, bill: BillOut, kept: Kept, how: dict[str, Any]
) -> None:
    message = payment_of(bill, bank.partner)
    await bank.pay(message)
    forger = replace(bank, client_secret="s" * 64)

    late = await pay_late(forger, message, **how)

    assert late.status_code == 401
    assert len(await kept()) == 1


async def test_a_changed_byte_of_a_repeat_is_not_believed(
    bank: Bank, bill: BillOut, kept: Kept
) -> None:
    content = json.dumps(payment_of(bill, bank.partner)).encode()
    await bank.send("/transfer-va/payment", content)

    late = await bank.send(
        "/transfer-va/payment",
        content,
        sent=content.replace(b"6011", b"6012"),
        at=clock.real_now() - TWENTY_MINUTES,
    )

    assert late.status_code == 401
    assert len(await kept()) == 1


async def test_a_late_repeat_uses_up_no_external_id(
    bank: Bank, session: AsyncSession, issue_bill: IssueBill, booked: Booked
) -> None:
    one, other = await issue_bill(session), await issue_bill(session)
    message = payment_of(one, bank.partner)
    await bank.pay(message, number="4711")
    await pay_late(bank, message, number="4712")

    new = await bank.pay(payment_of(other, bank.partner), number="4712")

    assert new.json()["responseCode"] == "2002500"
    assert len(await booked()) == 2
