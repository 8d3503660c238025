"""The feed of payment-service tells which bill of a member takes money."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID

import httpx
import pytest
from member_service_tests.coverage.test_tasks import paid
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage.tasks import CoverageTasks
from member_service.members.models import Member
from member_service.open_bills import service
from member_service.open_bills.models import OpenBill
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    BillEnded,
    BillIssued,
    BillReplaced,
    BillVoided,
    PaymentSettled,
)
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls

Enrol = Callable[..., Awaitable[Member]]
TASKS = CoverageTasks(TERMS)
END = datetime(2026, 12, 31, 16, 59, tzinfo=UTC)


def issued(member_id: UUID, amount: int = 36_800) -> BillIssued:
    return BillIssued(
        bill_id=new_id(),
        order_id=new_id(),
        member_id=member_id,
        first_month=Month(2026, 12),
        month_count=1,
        amount=amount,
        expires_at=END,
    )


def payment_of(bill: BillIssued) -> PaymentSettled:
    return paid(bill.member_id).model_copy(update={"bill_id": bill.bill_id})


async def open_bills(session: AsyncSession) -> dict[UUID, UUID]:
    rows = await session.execute(select(OpenBill.member_id, OpenBill.bill_id))
    return {row.member_id: row.bill_id for row in rows}


async def test_an_issued_bill_is_due_until_its_end(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    agent: Any,
    business_time: BusinessTime,
) -> None:
    business_time.at(datetime(2026, 12, 1, tzinfo=UTC))
    async with database.begin() as session:
        member = await enrol(session)
        bill = issued(member.id)
        await service.take(session, [bill])

    shown = []
    for at in (datetime(2026, 12, 31, 16, 58, tzinfo=UTC), END):
        business_time.at(at)
        answer = await client.get("/v1/members", headers=agent.headers)
        (row,) = answer.json()["items"]
        shown.append((row["amount_due"], row["open_bill_id"]))

    assert shown == [(36_800, str(bill.bill_id)), (None, None)]


@pytest.mark.parametrize("way", ["voided", "ended"])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_closed_bill_is_not_due(session: AsyncSession, way: str, at_once: bool) -> None:
    member_id, other_id = new_id(), new_id()
    bill, other = issued(member_id), issued(other_id)
    closing: Any = {
        "voided": BillVoided(bill_id=bill.bill_id, member_id=member_id, reason_code="cancelled"),
        "ended": BillEnded(bill_id=bill.bill_id, member_id=member_id),
    }[way]

    for events in [[bill, other, closing]] if at_once else [[bill, other], [closing]]:
        await service.take(session, events)

    assert await open_bills(session) == {other_id: other.bill_id}


@pytest.mark.parametrize("is_paid_first", [True, False])
async def test_a_paid_bill_is_not_due_whichever_subscription_is_ahead(
    session: AsyncSession, enrol: Enrol, *, is_paid_first: bool
) -> None:
    member = await enrol(session)
    bill, later = issued(member.id), issued(member.id)
    take_bill = partial(service.take, session, [bill])
    take_payment = partial(TASKS.on_allocations_changed, session, [payment_of(bill)])

    for step in (take_payment, take_bill) if is_paid_first else (take_bill, take_payment):
        await step()

    assert await open_bills(session) == {}
    await service.take(session, [later])
    assert await open_bills(session) == {member.id: later.bill_id}


@pytest.mark.race
@pytest.mark.parametrize("is_paid_first", [True, False])
async def test_a_bill_that_is_paid_while_it_becomes_known_is_not_due(
    own_database: Callable[[str], Urls], keyring: Keyring, enrol: Enrol, *, is_paid_first: bool
) -> None:
    own = Database(own_database("member").app, keyring=keyring)
    async with own.begin() as session:
        bill = issued((await enrol(session)).id)

    async def take(session: AsyncSession, *, is_payment: bool) -> None:
        if is_payment:
            await TASKS.on_allocations_changed(session, [payment_of(bill)])
        else:
            await service.take(session, [bill])

    async def take_second() -> None:
        async with own.begin() as session:
            await take(session, is_payment=not is_paid_first)

    async with own.begin() as session:
        await take(session, is_payment=is_paid_first)
        second = asyncio.create_task(take_second())
        await asyncio.sleep(0.3)
        assert not second.done()
    await asyncio.wait_for(second, 10)

    async with own.read() as session:
        assert await open_bills(session) == {}
    await own.dispose()


async def test_a_new_bill_takes_the_place_of_the_earlier_one_in_either_order(
    session: AsyncSession,
) -> None:
    for cuts in (1, 2, 3):
        for order in permutations(range(2)):
            member_id = new_id()
            first, second = issued(member_id), issued(member_id, amount=73_600)
            replaced = BillReplaced(
                bill_id=first.bill_id, member_id=member_id, replaced_by=second.bill_id
            )
            pair = [second, replaced]
            events: Sequence[Any] = [first, *(pair[place] for place in order)]
            for start in range(0, 3, cuts):
                await service.take(session, events[start : start + cuts])

            assert (await open_bills(session))[member_id] == second.bill_id


async def test_a_repeated_feed_ends_in_the_same_bills(session: AsyncSession) -> None:
    member_id = new_id()
    first, second = issued(member_id), issued(member_id)
    replaced = BillReplaced(bill_id=first.bill_id, member_id=member_id, replaced_by=second.bill_id)
    for _ in range(2):
        for event in (first, replaced, second):
            await service.take(session, [event])

    assert await open_bills(session) == {member_id: second.bill_id}
