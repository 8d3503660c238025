"""Money in suspense: what is declined goes there by itself, and two officers take it out."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.bills.rules import MonthAlreadyBilled
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.commissions import tasks
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import CoverageDeclined
from perisai_kit.testing.plugin import BusinessTime, Tokens

ITEMS = "/v1/suspense-items"
NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]
MakeBasis = Callable[..., ContributionBasis]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
Officer = Callable[[], dict[str, str]]


@pytest.fixture
def officer(tokens: Tokens) -> Officer:
    """Another finance officer of the country each time."""

    country = {"kind": ScopeKind.COUNTRY}
    return lambda: tokens.make(Role.FINANCE_OFFICER, scope=country, account_id=new_id())


def keyed(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": str(new_id())}


async def decline(session: AsyncSession, payment: Payment, *, answer_no: int = 1) -> None:
    """Let member-service answer that a payment of one bill cannot count."""
    row = (
        await session.execute(
            text(
                "SELECT id, bill_id, member_id, counts_at FROM allocations"
                " WHERE payment_id = :id AND kind = 'bill' AND amount > 0"
            ),
            {"id": payment.id},
        )
    ).one()
    answer = CoverageDeclined(
        allocation_id=row.id,
        payment_id=payment.id,
        bill_id=row.bill_id,
        member_id=row.member_id,
        answer_no=answer_no,
        counts_at=row.counts_at,
        reason_code="months_paid",
    )
    await tasks.on_coverage_answered(session, [answer])


@pytest.fixture
async def declined(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle, business_time: BusinessTime
) -> Payment:
    """A payment of 28,400 rupiah that member-service declined."""
    business_time.at(NOVEMBER)
    payment = await settle(session, await issue_bill(session))
    await decline(session, payment)
    return payment


async def list_items(
    client: httpx.AsyncClient, officer: dict[str, str], **query: Any
) -> list[dict[str, Any]]:
    answer = await client.get(ITEMS, params=query, headers=officer)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def propose(
    client: httpx.AsyncClient, item: dict[str, Any], bill: BillOut, officer: dict[str, str]
) -> httpx.Response:
    return await client.post(
        f"{ITEMS}/{item['id']}/proposals", json={"bill_id": str(bill.id)}, headers=keyed(officer)
    )


async def decide(
    client: httpx.AsyncClient,
    item: dict[str, Any],
    proposal: dict[str, Any],
    officer: dict[str, str],
    verdict: str = "approved",
) -> httpx.Response:
    path = f"{ITEMS}/{item['id']}/proposals/{proposal['id']}/decision"
    return await client.post(path, json={"verdict": verdict}, headers=keyed(officer))


async def balances(session: AsyncSession) -> dict[str, int]:
    """Return what stands on each kind of account, credits less debits."""
    rows = await session.execute(
        text(
            "SELECT split_part(account, ':', 1) AS kind, sum(amount)::bigint FROM ("
            " SELECT credit_account AS account, amount FROM ledger_transfers"
            " UNION ALL SELECT debit_account, -amount FROM ledger_transfers) AS moved GROUP BY 1"
        )
    )
    return {str(kind): int(amount) for kind, amount in rows}


async def test_what_is_declined_goes_to_suspense_by_itself(
    session: AsyncSession,
    client: httpx.AsyncClient,
    declined: Payment,
    officer: Officer,
    published: Published,
) -> None:
    await decline(session, declined)  # the same answer again

    one = await client.get(f"/v1/payments/{declined.id}", headers=officer())
    shown = [
        (each["kind"], each["amount"], each["reason"], each["coverage"])
        for each in one.json()["allocations"]
    ]
    (item,) = await list_items(client, officer())

    assert shown == [
        ("bill", 28_400, None, "declined"),
        ("bill", -28_400, "declined", None),
        ("suspense", 28_400, "declined", None),
    ]
    assert (item["amount"], item["reason"], item["payment_id"], item["owner_id"]) == (
        28_400,
        "declined",
        str(declined.id),
        None,
    )
    assert await balances(session) == {
        "bank_collection": -28_400,
        "bpjs_payable": 0,
        "suspense": 28_400,
    }
    reversals = [data for kind, data in await published(session) if kind.startswith("allocation")]
    assert [(each["amount"], each["reason_code"]) for each in reversals] == [(28_400, "declined")]
    assert await checks.find_faults(session) == []


async def test_two_officers_use_money_in_suspense_for_a_bill(
    session: AsyncSession,
    client: httpx.AsyncClient,
    declined: Payment,
    officer: Officer,
    issue_bill: IssueBill,
    published: Published,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOVEMBER + 2 * DAY)
    bill = await issue_bill(session)
    proposer = officer()
    (item,) = await list_items(client, proposer)

    proposed = await propose(client, item, bill, proposer)
    own = await decide(client, item, proposed.json(), proposer)
    business_time.at(NOVEMBER + 3 * DAY)
    approved = await decide(client, item, proposed.json(), officer())

    assert proposed.status_code == 201, proposed.text
    assert (own.status_code, own.json()["code"]) == (403, "own_suspense_proposal")
    # The bill did not exist when the money was paid: it counts from the day of the decision.
    shown = approved.json()
    assert (shown["status"], shown["paid_at"][:10]) == ("approved", "2026-11-05")
    assert shown["decision_day"] == shown["counts_at"] == "2026-11-07T17:00:00Z"
    paid = (await client.get(f"/v1/bills/{bill.id}", headers=officer())).json()
    assert (paid["status"], paid["paid_at"]) == ("paid", "2026-11-07T17:00:00Z")
    assert await list_items(client, officer()) == []
    assert await balances(session) == {
        "bank_collection": -28_400,
        "bpjs_payable": 28_400,
        "suspense": 0,
    }
    settled = [data for kind, data in await published(session) if kind == "payment.settled.v1"]
    assert settled[-1]["allocation_id"] == shown["allocation_id"]
    assert settled[-1]["bill_id"] == str(bill.id)
    assert settled[-1]["payment_id"] == str(declined.id)
    counts_at = datetime.fromisoformat(settled[-1]["counts_at"])
    assert counts_at == datetime(2026, 11, 8, tzinfo=JAKARTA)
    assert await checks.find_faults(session) == []


async def test_money_paid_while_the_bill_was_open_counts_from_then(
    session: AsyncSession,
    client: httpx.AsyncClient,
    issue_bill: IssueBill,
    settle: Settle,
    officer: Officer,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOVEMBER)
    meant = await issue_bill(session)
    payment = await settle(session, await issue_bill(session))
    await decline(session, payment)
    business_time.at(NOVEMBER + DAY)
    (item,) = await list_items(client, officer())

    proposed = await propose(client, item, meant, officer())
    approved = await decide(client, item, proposed.json(), officer())

    assert approved.json()["counts_at"] == proposed.json()["paid_at"]
    assert approved.json()["decision_day"] == "2026-11-05T17:00:00Z"
    assert await checks.find_faults(session) == []


async def test_what_a_bill_leaves_over_stays_in_suspense(
    session: AsyncSession,
    client: httpx.AsyncClient,
    issue_bill: IssueBill,
    settle: Settle,
    officer: Officer,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOVEMBER)
    await decline(session, await settle(session, await issue_bill(session, month_count=2)))
    (item,) = await list_items(client, officer())

    owned = await client.post(f"{ITEMS}/{item['id']}/ownership", headers=keyed(officer()))
    business_time.at(NOVEMBER + 40 * DAY)
    smaller, larger = await issue_bill(session), await issue_bill(session, month_count=3)
    too_much = await propose(client, item, larger, officer())
    proposed = await propose(client, item, smaller, officer())
    await decide(client, item, proposed.json(), officer())
    (rest,) = await list_items(client, officer())
    again = await propose(client, item, larger, officer())

    assert (too_much.status_code, too_much.json()["code"]) == (422, "suspense_too_small")
    assert [each["pointer"] for each in too_much.json()["errors"]] == ["/bill_id"]
    assert (rest["amount"], rest["reason"]) == (item["amount"] - smaller.amount, "declined")
    assert (rest["since"], rest["owner_id"]) == (item["since"], owned.json()["owner_id"])
    assert (again.status_code, again.json()["code"]) == (404, "suspense_item_not_found")
    assert await checks.find_faults(session) == []


async def test_money_has_one_open_proposal_and_each_is_decided_once(
    session: AsyncSession,
    client: httpx.AsyncClient,
    declined: Payment,
    officer: Officer,
    issue_bill: IssueBill,
) -> None:
    first, second = await issue_bill(session), await issue_bill(session)
    (item,) = await list_items(client, officer())

    proposer = officer()
    proposed = (await propose(client, item, first, proposer)).json()
    other = await propose(client, item, second, officer())
    rejected = await decide(client, item, proposed, proposer, "rejected")
    decided = await decide(client, item, proposed, officer())
    anew = await propose(client, item, second, officer())
    listed = await client.get(f"{ITEMS}/{item['id']}/proposals", headers=officer())

    assert (other.status_code, other.json()["code"]) == (409, "suspense_proposal_open")
    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")
    assert (decided.status_code, decided.json()["code"]) == (409, "suspense_proposal_decided")
    assert anew.status_code == 201
    assert [each["status"] for each in listed.json()["items"]] == ["rejected", "proposed"]
    (waiting,) = await list_items(client, officer())
    assert waiting["open_proposal_id"] == anew.json()["id"]


async def test_a_bill_that_takes_no_money_is_refused(
    session: AsyncSession,
    client: httpx.AsyncClient,
    declined: Payment,
    officer: Officer,
    issue_bill: IssueBill,
    settle: Settle,
    business_time: BusinessTime,
) -> None:
    paid, cancelled, approved_late = [await issue_bill(session) for _ in range(3)]
    await settle(session, paid)
    who = officer()
    (item,) = await list_items(client, who)
    proposed = await propose(client, item, approved_late, who)
    for bill in (cancelled, approved_late):
        await session.execute(
            text(
                "UPDATE bills SET status = 'void', withdrawn_at = :at, void_reason = 'wrong_data'"
                " WHERE id = :id"
            ),
            {"id": bill.id, "at": NOVEMBER - DAY},
        )

    answers = [await propose(client, item, bill, officer()) for bill in (paid, cancelled)]
    late = await decide(client, item, proposed.json(), officer())

    assert [each.json()["code"] for each in answers] == ["bill_paid", "bill_void"]
    assert (late.status_code, late.json()["code"]) == (409, "bill_void")
    assert [each["id"] for each in await list_items(client, officer())] == [item["id"]]


async def test_a_late_use_makes_the_open_bill_of_the_same_months_void(
    session: AsyncSession,
    client: httpx.AsyncClient,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    settle: Settle,
    officer: Officer,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOVEMBER)
    basis = make_basis()
    replaced = await issue_bill(session, basis=basis)
    payment = await settle(session, await issue_bill(session))
    await decline(session, payment)
    business_time.at(NOVEMBER + DAY)
    newer = await issue_bill(session, basis=basis)
    (item,) = await list_items(client, officer())

    proposed = await propose(client, item, replaced, officer())
    approved = await decide(client, item, proposed.json(), officer())

    assert approved.json()["counts_at"] == approved.json()["paid_at"]
    shown = (await client.get(f"/v1/bills/{newer.id}", headers=officer())).json()
    assert (shown["status"], shown["void_reason"]) == ("void", "months_paid")
    assert await checks.find_faults(session) == []


async def test_an_officer_answers_for_money_in_suspense(
    session: AsyncSession,
    client: httpx.AsyncClient,
    declined: Payment,
    officer: Officer,
    business_time: BusinessTime,
) -> None:
    first, second = officer(), officer()
    (item,) = await list_items(client, first, unowned=True)
    business_time.at(NOVEMBER + 10 * DAY)

    owned = await client.post(f"{ITEMS}/{item['id']}/ownership", headers=keyed(first))
    taken = await client.post(f"{ITEMS}/{item['id']}/ownership", headers=keyed(second))

    assert owned.json()["owner_id"] != taken.json()["owner_id"]
    assert (taken.json()["age_days"], taken.json()["owned_since"][:10]) == (10, "2026-11-15")
    by_owner = await list_items(client, first, owner_id=taken.json()["owner_id"])
    assert [each["id"] for each in by_owner] == [item["id"]]
    assert await list_items(client, first, owner_id=owned.json()["owner_id"]) == []
    assert await list_items(client, first, unowned=True) == []
    assert len(await list_items(client, first, min_age_days=10)) == 1
    assert await list_items(client, first, min_age_days=11) == []
    assert await list_items(client, first, reason="bill_paid") == []


async def test_what_is_used_for_a_bill_is_billed_no_more(
    session: AsyncSession,
    client: httpx.AsyncClient,
    declined: Payment,
    officer: Officer,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
) -> None:
    basis = make_basis(settled_since=None)
    bill = await issue_bill(session, basis=basis)
    (item,) = await list_items(client, officer())
    proposed = await propose(client, item, bill, officer())
    await decide(client, item, proposed.json(), officer())

    with pytest.raises(MonthAlreadyBilled):
        await issue_bill(session, basis=basis, first_month=Month.of(clock.today()))


async def test_an_allocation_cannot_be_taken_back_twice(
    session: AsyncSession, declined: Payment
) -> None:
    twice = text(
        "INSERT INTO allocations SELECT payment_id, gen_random_uuid(), kind, bill_id, member_id,"
        " amount, counts_at, reason, reverses, allocated_at FROM allocations WHERE amount < 0"
    )
    with pytest.raises(IntegrityError, match="uq_allocations_reverses"):
        async with session.begin_nested():
            await session.execute(twice)
