from collections.abc import Awaitable, Callable

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]


@pytest.fixture
async def bill(session: AsyncSession, issue_bill: IssueBill) -> BillOut:
    return await issue_bill(session)


@pytest.fixture
async def payment(session: AsyncSession, bill: BillOut, settle: Settle) -> Payment:
    booked = await settle(session, bill)
    await session.commit()
    return booked


async def test_a_member_reads_the_own_payment_and_its_receipt(
    client: httpx.AsyncClient, tokens: Tokens, bill: BillOut, payment: Payment
) -> None:
    member = tokens.make(Role.MEMBER, member_id=bill.member_id)

    listed = await client.get("/v1/payments", headers=member)
    one = await client.get(f"/v1/payments/{payment.id}", headers=member)
    receipt = await client.get(f"/v1/payments/{payment.id}/receipt", headers=member)

    assert [item["id"] for item in listed.json()["items"]] == [str(payment.id)]
    assert one.json() == listed.json()["items"][0]
    assert receipt.status_code == 200
    assert receipt.json()["amount"] == payment.amount
    assert receipt.json()["member_name"] == "Siti Aminah"


async def test_somebody_elses_payment_does_not_exist(
    client: httpx.AsyncClient, tokens: Tokens, payment: Payment
) -> None:
    other_agent = tokens.make(Role.AGENT, agent_id=new_id())

    listed = await client.get("/v1/payments", headers=other_agent)
    receipt = await client.get(f"/v1/payments/{payment.id}/receipt", headers=other_agent)

    assert listed.json()["items"] == []
    assert (receipt.status_code, receipt.json()["code"]) == (404, "payment_not_found")


async def test_payments_are_found_by_bill_and_by_order(
    client: httpx.AsyncClient, tokens: Tokens, bill: BillOut, payment: Payment
) -> None:
    admin = tokens.make(Role.ADMIN)

    for name, id_ in (("bill_id", bill.id), ("order_id", bill.order_id)):
        found = await client.get("/v1/payments", params={name: str(id_)}, headers=admin)
        none = await client.get("/v1/payments", params={name: str(new_id())}, headers=admin)

        assert [each["id"] for each in found.json()["items"]] == [str(payment.id)]
        assert none.json()["items"] == []


async def test_a_payment_shows_its_allocations(
    client: httpx.AsyncClient, tokens: Tokens, bill: BillOut, payment: Payment
) -> None:
    answer = await client.get(f"/v1/payments/{payment.id}", headers=tokens.make(Role.ADMIN))

    (allocation,) = answer.json()["allocations"]
    assert (allocation["kind"], allocation["coverage"]) == ("bill", "waiting")
    assert (allocation["bill_id"], allocation["member_id"]) == (str(bill.id), str(bill.member_id))
    assert allocation["amount"] == answer.json()["amount"] == payment.amount
    assert allocation["counts_at"] == answer.json()["paid_at"]
    assert (allocation["reason"], allocation["reverses"]) == (None, None)


async def test_payments_are_not_for_services_or_without_a_token(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    service_account = await client.get("/v1/payments", headers=tokens.service())
    nobody = await client.get("/v1/payments")

    assert (service_account.status_code, nobody.status_code) == (403, 401)
