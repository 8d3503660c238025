"""Batches: many flags in one transaction, each with its own verdict."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.callbacks.schemas import Message, Outcome
from payment_service.ledger import service as ledger
from payment_service.payments.models import Payment

IssueBill = Callable[..., Awaitable[BillOut]]
Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
MakeBank = Callable[..., Awaitable[Bank]]
MakeFlag = Callable[..., Message]
Verified = Callable[..., Message]
Take = Callable[..., Awaitable[list[Outcome]]]


@pytest.fixture
def verified(bank: Bank, flag: MakeFlag) -> Verified:
    """Build a flag of the bank whose signature was found good."""
    return partial(flag, bank)


def codes(outcomes: list[Outcome]) -> list[str]:
    return [outcome.answer.response_code for outcome in outcomes]


async def test_a_batch_gives_each_flag_its_own_answer_in_order(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    verified: Verified,
    take: Take,
    booked: Booked,
) -> None:
    one, two, three = [await issue_bill(session) for _ in range(3)]
    partner = bank.partner
    first = payment_of(one, partner)

    answered = await take(
        [
            verified(payment_of(two, partner, amount=1)),
            verified(first),
            verified(payment_of(one, partner)),
            verified(first),
            verified({**first, "trxId": "other"}),
            verified(payment_of(three, partner, virtualAccountNo="   88001" + "9" * 18)),
            verified(payment_of(three, partner)),
        ]
    )

    assert codes(answered) == [
        "4042513",
        "2002500",
        "4042514",
        "2002500",
        "4042518",
        "4042511",
        "2002500",
    ]
    assert {payment.order_id for payment in await booked()} == {one.order_id, three.order_id}
    assert await ledger.find_faults(session) == []


async def test_copies_in_one_batch_get_the_same_bytes(
    bank: Bank,
    bill: BillOut,
    verified: Verified,
    take: Take,
    kept: Kept,
) -> None:
    content = payment_of(bill, bank.partner)
    messages = [verified(content, number="4711") for _ in range(5)]

    outcomes = await take(messages)

    assert len({outcome.answer.body for outcome in outcomes}) == 1
    verdicts = [callback.verdict for callback in await kept()]
    assert verdicts == [CallbackOutcome.SETTLED] + [CallbackOutcome.REPEATED] * 4


async def test_copies_of_a_refusal_in_one_batch_are_refused_alike(
    bank: Bank, bill: BillOut, verified: Verified, take: Take
) -> None:
    content = payment_of(bill, bank.partner, amount=1)

    outcomes = await take([verified(content, number="4711") for _ in range(3)])

    assert set(codes(outcomes)) == {"4042513"}
    assert len({outcome.answer.body for outcome in outcomes}) == 1


async def test_an_external_id_in_one_batch_counts_for_the_first(
    bank: Bank, session: AsyncSession, issue_bill: IssueBill, verified: Verified, take: Take
) -> None:
    bills = [await issue_bill(session) for _ in range(3)]
    messages = [verified(payment_of(bill, bank.partner), number="4711") for bill in bills]

    assert codes(await take(messages)) == ["2002500", "4092500", "4092500"]


async def test_one_request_for_two_bills_in_one_batch_pays_the_first(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    verified: Verified,
    take: Take,
    booked: Booked,
) -> None:
    bills = [await issue_bill(session) for _ in range(2)]
    messages = [verified(payment_of(bill, bank.partner, paymentRequestId="same")) for bill in bills]

    assert codes(await take(messages)) == ["2002500", "4042518"]
    assert [payment.order_id for payment in await booked()] == [bills[0].order_id]


async def test_what_was_committed_after_all_is_returned_as_it_stands(
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    verified: Verified,
    take: Take,
    kept: Kept,
    booked: Booked,
) -> None:
    one, two = [await issue_bill(session) for _ in range(2)]
    paid, wrong = payment_of(one, bank.partner), payment_of(two, bank.partner, amount=1)
    messages = [verified(paid), verified(paid), verified(wrong), verified({**paid, "trxId": "x"})]
    first = await take(messages)
    rows = len(await kept())
    late = verified(payment_of(two, bank.partner))

    again = await take([*messages, late], again=True)

    assert again[:4] == first
    assert codes(again) == ["2002500", "2002500", "4042513", "4042518", "2002500"]
    assert len(await kept()) == rows + 1
    assert len(await booked()) == 2


async def test_a_bill_with_accounts_at_two_banks_is_paid_once_in_a_batch(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, flag: MakeFlag, take: Take
) -> None:
    one, other = await make_bank(), await make_bank(company_code="88002")
    bill = await issue_bill(session)

    outcomes = await take([flag(bank, payment_of(bill, bank.partner)) for bank in (one, other)])

    assert codes(outcomes) == ["2002500", "4042514"]
