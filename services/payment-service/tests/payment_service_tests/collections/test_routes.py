"""What banks collected, which equals the ledger to the rupiah."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from payment_service_tests.conftest import MakeBank
from payment_service_tests.partner_bank import payment_of
from payment_service_tests.plans import PARTNERS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.collections import queries
from payment_service.days import Days
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.testing.plans import list_whole_reads
from perisai_kit.testing.plugin import BusinessTime, Tokens

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]
Ask = Callable[..., Awaitable[httpx.Response]]
NOON = datetime(2027, 3, 10, 5, 0, tzinfo=UTC)

# By bank and business day, what went into the account of the bank less what went out.
_LEDGER = """
    SELECT business_on::text, split_part(account, ':', 2), sum(amount)::bigint
    FROM (
        SELECT business_on, debit_account AS account, amount FROM ledger_transfers
        UNION ALL
        SELECT business_on, credit_account, -amount FROM ledger_transfers
    ) AS moved
    WHERE account LIKE 'bank_collection:%'
    GROUP BY 1, 2 ORDER BY 1, 2
"""


@pytest.fixture
def ask(client: httpx.AsyncClient, tokens: Tokens) -> Ask:
    async def get(**query: str) -> httpx.Response:
        headers = tokens.make(Role.AUDITOR, scope={"kind": "country"})
        return await client.get("/v1/collections", params=query, headers=headers)

    return get


async def test_collections_equal_the_ledger_to_the_rupiah(
    ask: Ask,
    session: AsyncSession,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    settle: Settle,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOON)
    banks = [await make_bank(keeps_refused_money=True, name=f"Bank {each}") for each in range(2)]
    for number, hours in enumerate((-1, 0, 11, 12, 13, 36)):
        bill = await issue_bill(session, month_count=number % 3 + 1)
        at = NOON + timedelta(hours=hours)
        partner_id = banks[number % 2].partner.id
        await settle(session, bill, partner_id=partner_id, paid_at=at, received_at=at)
    bill = await issue_bill(session)
    for amount in (bill.amount + 1, bill.amount):  # the first goes to suspense
        paid = await banks[0].pay(payment_of(bill, banks[0].partner, amount=amount))
        assert paid.status_code == 200

    answer = (await ask(business_from="2027-03-01", business_to="2027-03-31")).json()

    found = [(each["business_on"], each["partner_id"], each["amount"]) for each in answer["items"]]
    booked = [tuple(row) for row in await session.execute(text(_LEDGER))]
    assert sorted(found) == booked
    assert len({day for day, _, _ in found}) == 3
    assert answer["total"] == {"count": 8, "amount": sum(amount for _, _, amount in found)}


async def test_one_day_is_today_unless_another_is_asked_for(
    ask: Ask,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOON)
    payment = await settle(session, await issue_bill(session))
    await session.commit()

    today = (await ask()).json()
    before = (await ask(on="2027-03-09")).json()
    other = (await ask(on="2027-03-10", partner_id=str(payment.id))).json()

    (row,) = today["items"]
    assert (row["business_on"], row["count"], row["amount"]) == ("2027-03-10", 1, payment.amount)
    assert row["partner_name"] == "Bank Uji"
    assert (today["business_from"], today["business_to"]) == ("2027-03-10", "2027-03-10")
    assert (before["items"], before["total"]) == ([], {"count": 0, "amount": 0})
    assert other["items"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"business_from": "2027-03-11", "business_to": "2027-03-10"}, "days_backward"),
        ({"business_from": "2027-03-01", "business_to": "2027-04-01"}, "days_needed"),
        ({"business_from": "2027-03-01"}, "days_needed"),
        ({"on": "2027-03-10", "business_to": "2027-03-10"}, "days_twice"),
        ({"on": "2027-3-10"}, "invalid"),
    ],
)
async def test_days_that_cannot_be_added_up_are_refused(
    ask: Ask, query: dict[str, str], code: str
) -> None:
    answer = await ask(**query)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("partner_id", [None, PARTNERS[0]])
async def test_sums_are_read_from_an_index(filled: AsyncSession, partner_id: UUID | None) -> None:
    today = clock.today()
    days = Days(today - timedelta(days=30), today)

    found = await list_whole_reads(
        filled, queries.list_collected(filled, days, partner_id=partner_id)
    )

    assert "payments" not in found
