"""What became of an allocation for the member, and where finance finds what was declined."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from payment_service_tests.village import Village, apply_all, apply_events, book
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import Tokens

NOVEMBER = Month(2025, 11)
Seen = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def seen(client: httpx.AsyncClient, tokens: Tokens) -> Seen:
    """List payments as a finance officer of the country."""

    async def list_(**query: str) -> list[dict[str, Any]]:
        finance = tokens.make(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY})
        answer = await client.get("/v1/payments", params=query, headers=finance)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        for each in items:
            one = await client.get(f"/v1/payments/{each['id']}", headers=finance)
            assert one.json() == each
        return items

    return list_


def coverages(payments: list[dict[str, Any]]) -> list[str]:
    """Return what became of the allocations of these payments that settled a bill."""
    return [payment["allocations"][0]["coverage"] for payment in payments]


async def test_a_payment_shows_what_became_of_its_allocation(
    session: AsyncSession, seen: Seen
) -> None:
    village = Village()
    waiting, extended = village.settle(NOVEMBER), village.pay(NOVEMBER)
    withdrawn, declined = village.settle(NOVEMBER, month_count=2), village.settle(NOVEMBER)
    village.withdraw(withdrawn, [NOVEMBER.plus(1)])
    village.decline(declined)
    await apply_all(session, village)

    first = {each["id"]: each["allocations"][0] for each in await seen()}
    shown = {id_: (each["coverage"], each["reason_code"]) for id_, each in first.items()}

    assert shown == {
        str(waiting.payment_id): ("waiting", None),
        str(extended.payment_id): ("extended", None),
        str(withdrawn.payment_id): ("withdrawn", None),
        str(declined.payment_id): ("declined", "months_paid"),
    }


async def test_what_is_declined_is_taken_back_and_kept_in_suspense(
    session: AsyncSession, seen: Seen
) -> None:
    village = Village()
    payment = village.settle(NOVEMBER)
    for answer_no in (1, 2):
        village.decline(payment, answer_no=answer_no)
    await apply_all(session, village)

    ((bill, taken_back, suspense),) = [each["allocations"] for each in await seen()]

    assert (bill["kind"], bill["amount"], bill["coverage"]) == ("bill", 36_800, "declined")
    assert (taken_back["kind"], taken_back["amount"]) == ("bill", -36_800)
    assert (taken_back["reverses"], taken_back["coverage"]) == (bill["id"], None)
    assert (suspense["kind"], suspense["amount"]) == ("suspense", 36_800)
    assert {each["reason"] for each in (taken_back, suspense)} == {"declined"}
    assert {each["bill_id"] for each in (bill, suspense)} == {str(payment.bill_id)}


async def test_declined_payments_are_kept_found_and_uncommissioned(
    session: AsyncSession, seen: Seen
) -> None:
    village = Village()
    payments = [village.settle(NOVEMBER) for _ in range(5)]
    for payment in payments[1:4]:
        village.decline(payment)
    await apply_all(session, village)

    found = await seen(coverage="declined")
    first = await seen(coverage="declined", limit="2")
    of_member = await seen(coverage="declined", member_id=str(payments[2].member_id))

    declined = [str(payment.payment_id) for payment in reversed(payments[1:4])]
    assert [each["id"] for each in found] == declined
    assert [each["id"] for each in first] == declined[:2]
    assert [each["id"] for each in of_member] == [declined[1]]
    assert (await session.execute(text("SELECT count(*) FROM commission_lines"))).scalar() == 0


async def test_a_later_answer_is_shown_at_once(session: AsyncSession, seen: Seen) -> None:
    village = Village()
    payment = village.settle(NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [village.extend(payment, answer_no=1)])
    before = coverages(await seen()), await seen(coverage="declined")
    await apply_events(session, [village.decline(payment, answer_no=2)])

    assert before == (["extended"], [])
    assert coverages(await seen()) == ["declined"]
    assert len(await seen(coverage="declined")) == 1


async def test_only_declined_payments_can_be_asked_for(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get(
        "/v1/payments", params={"coverage": "extended"}, headers=tokens.make(Role.ADMIN)
    )

    assert answer.status_code == 422


async def test_declined_payments_have_an_index(session: AsyncSession) -> None:
    indexes = await session.scalars(
        text("SELECT indexdef FROM pg_indexes WHERE tablename = 'coverage_answers'")
    )

    assert any(
        "(payment_id, allocation_id) WHERE" in each and "declined" in each for each in indexes
    )
