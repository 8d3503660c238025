"""Batches: many flags in one transaction, each with its own verdict."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import Sources
from payment_service.bills.schemas import BillOut
from payment_service.callbacks import service
from payment_service.callbacks.gate import Gate
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import Caller, Verdict, Wire
from payment_service.callbacks.schemas import Message, Signed
from payment_service.ledger import service as ledger
from payment_service.payments.models import Payment
from payment_service.testing import Bank, payment_of
from perisai_kit import clock
from perisai_kit.db import Database
from perisai_kit.ids import new_id
from perisai_kit.pii import Keyring
from snap_bi.codes import Service
from snap_bi.headers import TransactionHeaders
from snap_bi.verification import Step

IssueBill = Callable[..., Awaitable[BillOut]]
Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
Verified = Callable[..., Message]


@pytest.fixture
async def caller(bank: Bank, database: Database, keyring: Keyring) -> Caller:
    gate = Gate(database, keyring, trusted=Sources(), cache_s=0)
    (found,) = await gate.callers()
    return found


@pytest.fixture
def verified(caller: Caller, keyring: Keyring) -> Verified:
    """Build a flag whose signature was found good."""

    def make(content: dict[str, Any], *, number: str | None = None) -> Message:
        now = clock.real_now()
        signed = Signed(
            id=new_id(),
            service=Service.PAYMENT,
            caller=caller,
            wire=Wire("POST", "/x", {}, json.dumps(content).encode(), None),
            headers=TransactionHeaders(
                timestamp=now.isoformat(),
                at=now,
                signature="",
                partner_id=caller.client_id,
                external_id=number or str(new_id().int)[:30],
                channel_id="95001",
                token=None,
            ),
            step=Step.LEXICAL_MINIFY,
            received_at=now,
        )
        return service.read_payment(signed, keyring)

    return make


async def codes(session: AsyncSession, messages: list[Message]) -> list[str]:
    return [answer.response_code for answer in await service.take(session, messages)]


async def test_a_batch_gives_each_flag_its_own_answer_in_order(
    bank: Bank, session: AsyncSession, issue_bill: IssueBill, verified: Verified, booked: Booked
) -> None:
    one, two, three = [await issue_bill(session) for _ in range(3)]
    partner = bank.partner
    first = payment_of(one, partner)

    answered = await codes(
        session,
        [
            verified(payment_of(two, partner, amount=1)),
            verified(first),
            verified(payment_of(one, partner)),
            verified(first),
            verified({**first, "trxId": "other"}),
            verified(payment_of(three, partner, virtualAccountNo="   88001" + "9" * 18)),
            verified(payment_of(three, partner)),
        ],
    )

    assert answered == [
        "4042513",
        "2002500",
        "4042514",
        "2002500",
        "4042518",
        "4042511",
        "2002500",
    ]
    assert {payment.bill_id for payment in await booked()} == {one.id, three.id}
    assert await ledger.find_faults(session) == []


async def test_copies_in_one_batch_get_the_same_bytes(
    bank: Bank,
    bill: BillOut,
    session: AsyncSession,
    verified: Verified,
    kept: Kept,
) -> None:
    content = payment_of(bill, bank.partner)
    messages = [verified(content, number="4711") for _ in range(5)]

    answers = await service.take(session, messages)

    assert len({answer.body for answer in answers}) == 1
    verdicts = [callback.verdict for callback in await kept()]
    assert verdicts == [Verdict.SETTLED] + [Verdict.REPEATED] * 4


async def test_copies_of_a_refusal_in_one_batch_are_refused_alike(
    bank: Bank, bill: BillOut, session: AsyncSession, verified: Verified
) -> None:
    content = payment_of(bill, bank.partner, amount=1)

    answers = await service.take(session, [verified(content, number="4711") for _ in range(3)])

    assert {answer.response_code for answer in answers} == {"4042513"}
    assert len({answer.body for answer in answers}) == 1


async def test_an_external_id_in_one_batch_counts_for_the_first(
    bank: Bank, session: AsyncSession, issue_bill: IssueBill, verified: Verified
) -> None:
    bills = [await issue_bill(session) for _ in range(3)]
    messages = [verified(payment_of(bill, bank.partner), number="4711") for bill in bills]

    assert await codes(session, messages) == ["2002500", "4092500", "4092500"]


async def test_one_request_for_two_bills_in_one_batch_pays_the_first(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    verified: Verified,
    booked: Booked,
) -> None:
    bills = [await issue_bill(session) for _ in range(2)]
    messages = [verified(payment_of(bill, bank.partner, paymentRequestId="same")) for bill in bills]

    assert await codes(session, messages) == ["2002500", "4042518"]
    assert [payment.bill_id for payment in await booked()] == [bills[0].id]
