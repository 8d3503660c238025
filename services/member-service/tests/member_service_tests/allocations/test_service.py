"""Settled allocations: recorded once, judged together, in any order."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service
from member_service.allocations.models import AllocationRow
from member_service.members.models import Member
from member_service.members.rules import MemberNotFound
from member_service.registrations.models import RegistrationRow
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AllocationReversed, PaymentSettled, SettledLine
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
ALL = ("jkk", "jkm", "jht")
TODAY = {"working": True, "declared_on": "2026-11-03"}
PAID_AT = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)


def payment(
    member_id: UUID,
    *months: str,
    programmes: tuple[str, ...] = ALL,
    at: datetime = PAID_AT,
    received_at: datetime | None = None,
    paying_account: str | None = None,
) -> PaymentSettled:
    lines = [
        SettledLine.model_validate(
            {"month": month, "programme": programme, "amount": 10_000, "relief": 0}
        )
        for month in months
        for programme in programmes
    ]
    return PaymentSettled(
        allocation_id=new_id(),
        payment_id=new_id(),
        bill_id=new_id(),
        member_id=member_id,
        partner_id=new_id(),
        amount=10_000 * len(lines),
        issued_at=at,
        counts_at=at,
        received_at=received_at or at,
        payer="self",
        lines=tuple(lines),
        paying_account=paying_account,
    )


def reversal(settled: PaymentSettled, *, at: datetime) -> AllocationReversed:
    return AllocationReversed(
        allocation_id=settled.allocation_id,
        payment_id=settled.payment_id,
        bill_id=settled.bill_id,
        member_id=settled.member_id,
        amount=settled.amount,
        reversed_at=at,
        reason_code="bank_reversed",
    )


async def take(session: AsyncSession, *events: PaymentSettled | AllocationReversed) -> None:
    await service.take_allocations(session, events, TERMS)


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    return business_time


async def test_the_first_payment_opens_a_registration_and_publishes_it(
    session: AsyncSession, enrol: Enrol, published: Published, november: BusinessTime
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    november.at(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))
    paid = payment(member.id, "2026-11")

    await take(session, paid)

    await session.refresh(member)
    assert (member.paid_through, member.first_unpaid) == (Month(2026, 11), Month(2026, 12))
    row = await session.get_one(RegistrationRow, paid.allocation_id)
    assert (row.member_id, row.began_at, row.age) == (member.id, paid.counts_at, 36)
    assert (await published(session))[-2:] == [
        (
            "registration.opened.v1",
            {
                "registration_id": str(paid.allocation_id),
                "member_id": str(member.id),
                "kind": "first",
                "began_on": "2026-11-03",
                "first_month": "2026-11",
            },
        ),
        (
            "coverage.extended.v1",
            {
                "member_id": str(member.id),
                "months": ["2026-11"],
                "allocation_id": str(paid.allocation_id),
                "payment_id": str(paid.payment_id),
                "bill_id": str(paid.bill_id),
                "answer_no": 1,
                "counts_at": "2026-11-03T05:00:00Z",
                "first_month": "2026-11",
                "agent_id": str(member.agent_id),
                "wadah_id": str(member.wadah_id),
                "branch_code": "banyuwangi",
                "region_code": "jatim",
                "is_acquisition": True,
            },
        ),
    ]


async def test_a_repeated_payment_changes_nothing(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    paid = payment(member.id, "2026-11", "2026-12")
    await take(session, paid)
    events = await published(session)

    await take(session, paid, paid)

    assert await session.scalar(select(func.count()).select_from(AllocationRow)) == 1
    assert await published(session) == events


async def test_a_second_payment_of_a_month_is_declined_with_its_reason(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    first = payment(member.id, "2026-11")
    second = payment(member.id, "2026-11", at=datetime(2026, 11, 4, 5, 0, tzinfo=UTC))

    await take(session, first, second)

    assert (await published(session))[-1] == (
        "coverage.declined.v1",
        {
            "member_id": str(member.id),
            "allocation_id": str(second.allocation_id),
            "payment_id": str(second.payment_id),
            "bill_id": str(second.bill_id),
            "answer_no": 1,
            "counts_at": "2026-11-04T05:00:00Z",
            "reason_code": "month_paid",
        },
    )


async def test_an_allocation_without_a_month_of_both_mandatory_programmes_is_declined(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session, work_declaration=TODAY)

    await take(session, payment(member.id, "2026-11", programmes=("jht", "jkk")))

    kind, data = (await published(session))[-1]
    assert (kind, data["reason_code"]) == ("coverage.declined.v1", "mandatory_missing")


async def test_a_payment_that_becomes_known_late_changes_the_answers_to_others(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    known = payment(member.id, "2026-11", at=datetime(2026, 11, 4, 5, 0, tzinfo=UTC))
    late = payment(member.id, "2026-11")
    await take(session, known)

    await take(session, late)

    events = [
        (kind, data.get("allocation_id") or data.get("registration_id"), data.get("answer_no"))
        for kind, data in await published(session)
    ][-4:]
    assert events == [
        ("registration.opened.v1", str(late.allocation_id), None),
        ("registration.corrected.v1", str(known.allocation_id), None),
        ("coverage.extended.v1", str(late.allocation_id), 1),
        ("coverage.declined.v1", str(known.allocation_id), 2),
    ]
    superseded = await session.get_one(RegistrationRow, known.allocation_id)
    assert superseded.superseded_at is not None


async def test_the_order_in_which_payments_arrive_does_not_matter(
    session: AsyncSession, enrol: Enrol
) -> None:
    kept = []
    for turn in range(2):
        member = await enrol(session, work_declaration=TODAY)
        payments = [
            payment(member.id, month, at=datetime(2026, 11, 3 + day, 5, 0, tzinfo=UTC))
            for day, month in enumerate(("2026-12", "2026-11", "2027-01"))
        ]
        for each in payments if turn else reversed(payments):
            await take(session, each)
        await session.refresh(member)
        rows = await session.scalars(
            select(RegistrationRow).where(
                RegistrationRow.member_id == member.id, RegistrationRow.superseded_at.is_(None)
            )
        )
        found = [(row.began_at, row.first_month, row.ends_on, row.kind) for row in rows]
        kept.append((found, member.paid_through, member.first_unpaid, member.ends_on))

    assert kept[0] == kept[1]
    assert len(kept[0][0]) == 1


async def test_many_payments_are_applied_together_each_to_its_own_member(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    members = [await enrol(session, work_declaration=TODAY) for _ in range(5)]
    payments = [payment(member.id, "2026-11") for member in members[:4]]

    await take(session, *payments)

    extended = [data for kind, data in await published(session) if kind == "coverage.extended.v1"]
    assert {each["allocation_id"] for each in extended} == {
        str(each.allocation_id) for each in payments
    }
    for each in members:
        await session.refresh(each)
    assert [each.paid_through is not None for each in members] == [True] * 4 + [False]


async def test_a_payment_of_an_unknown_member_is_an_error_and_not_lost(
    database: Database,
) -> None:
    with pytest.raises(MemberNotFound):
        async with database.begin() as session:
            await take(session, payment(new_id(), "2026-11"))
