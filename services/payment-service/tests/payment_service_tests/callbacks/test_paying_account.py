"""The account that a customer paid from: published as a keyed hash, and shown nowhere."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payment_service_tests.callbacks.conftest import IssueOrder, MakeMembers
from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.runtime.log import configure_logging
from perisai_kit.testing.plugin import BusinessTime

ACCOUNT = "5f4dcc3b5aa765d61d8327deb882cf99"
WHOLE_NUMBER = "100200300400"
FROM: dict[str, Any] = {"hashedSourceAccountNo": ACCOUNT, "sourceBankCode": "014"}

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBank = Callable[..., Awaitable[Bank]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
Accounts = Callable[[], Awaitable[list[str | None]]]


@pytest.fixture
def accounts(session: AsyncSession, published: Published) -> Accounts:
    """Read the paying accounts of the events, in order."""

    async def read() -> list[str | None]:
        events = await published(session)
        return [data["paying_account"] for kind, data in events if kind == "payment.settled.v1"]

    return read


async def pay(bank: Bank, bill: BillOut, **changes: Any) -> None:
    answer = await bank.pay(payment_of(bill, bank.partner, **changes))
    assert answer.status_code == 200, answer.text


async def test_the_account_is_published_as_a_hash_that_is_not_the_banks(
    bank: Bank, bill: BillOut, accounts: Accounts, session: AsyncSession, published: Published
) -> None:
    await pay(bank, bill, **FROM)

    (account,) = await accounts()
    assert account is not None
    assert re.fullmatch(r"[0-9a-f]{32}", account)
    assert ACCOUNT not in json.dumps(await published(session))


async def test_a_whole_account_number_is_published_as_a_hash_too(
    bank: Bank, bill: BillOut, accounts: Accounts, session: AsyncSession, published: Published
) -> None:
    await pay(bank, bill, hashedSourceAccountNo=WHOLE_NUMBER)

    (account,) = await accounts()
    assert account is not None
    assert WHOLE_NUMBER not in json.dumps(await published(session))


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"sourceBankCode": "014"},
        {"hashedSourceAccountNo": None},
        {"hashedSourceAccountNo": ""},
        {"hashedSourceAccountNo": "   "},
        {"hashedSourceAccountNo": "a" * 33},
        {"hashedSourceAccountNo": 100_200_300_400},
        {"hashedSourceAccountNo": ["a"]},
        {"hashedSourceAccountNo": "a\x00b"},
    ],
    ids=str,
)
async def test_without_an_account_that_can_be_read_there_is_none(
    bank: Bank, bill: BillOut, accounts: Accounts, sent: dict[str, Any]
) -> None:
    await pay(bank, bill, **sent)

    assert await accounts() == [None]


async def test_a_bank_code_that_cannot_be_read_is_left_out(
    *,
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    accounts: Accounts,
) -> None:
    for code in ({"sourceBankCode": 14}, {}):
        bill = await issue_bill(session)
        await pay(bank, bill, hashedSourceAccountNo=ACCOUNT, **code)

    one, other = await accounts()
    assert one == other is not None


async def test_one_account_is_the_same_at_one_bank_and_another_at_others(
    *,
    session: AsyncSession,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    accounts: Accounts,
) -> None:
    bank, other = await make_bank(), await make_bank(company_code="88002")
    ways: list[tuple[Bank, dict[str, Any]]] = [
        (bank, FROM),
        (bank, {**FROM, "hashedSourceAccountNo": ACCOUNT[::-1]}),
        (bank, FROM),
        (bank, {**FROM, "sourceBankCode": "002"}),
        (other, FROM),
    ]

    for payer_bank, sent in ways:
        await pay(payer_bank, await issue_bill(session), **sent)

    first, other_account, again, other_code, other_partner = await accounts()
    assert first == again
    assert len({first, other_account, other_code, other_partner}) == 4


async def test_an_order_was_paid_from_one_account_for_all_its_members(
    *,
    bank: Bank,
    session: AsyncSession,
    make_members: MakeMembers,
    issue_order: IssueOrder,
    accounts: Accounts,
    business_time: BusinessTime,
) -> None:
    business_time.at(datetime(2026, 11, 5, 3, 0, tzinfo=UTC))
    order = await issue_order(bank.client, make_members(3))

    await bank.pay(payment_of(order, bank.partner, **FROM))

    found = await accounts()
    assert len(found) == 3
    assert len({*found}) == 1
    assert None not in found


async def test_a_repeat_from_another_account_is_a_repeat(
    bank: Bank, bill: BillOut, accounts: Accounts
) -> None:
    message = payment_of(bill, bank.partner, **FROM)

    answers = [
        await bank.pay(each) for each in (message, {**message, "hashedSourceAccountNo": "other"})
    ]

    assert [each.json()["responseCode"] for each in answers] == ["2002500", "2002500"]
    assert len(await accounts()) == 1


async def test_nothing_of_an_account_is_logged(
    bank: Bank, bill: BillOut, accounts: Accounts, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logging(service="payment")
    long_ago = (clock.now() - timedelta(days=3)).astimezone(JAKARTA)
    message = payment_of(bill, bank.partner, **FROM, trxDateTime=long_ago.isoformat("T", "seconds"))
    wrong = {**message, "paidAmount": {"value": "1.00", "currency": "IDR"}}

    await bank.pay(message)
    await bank.pay(wrong)

    printed = capfd.readouterr()
    logged = printed.out + printed.err
    (account,) = await accounts()
    assert account is not None
    assert "bank_time.ignored" in logged
    assert "callback.conflict" in logged
    assert ACCOUNT not in logged
    assert account not in logged
