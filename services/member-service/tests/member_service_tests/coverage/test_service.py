from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage import service
from member_service.coverage.models import CoverageMonth
from member_service.members.models import Member
from member_service.members.rules import MemberStatus
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled, SettledLine
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
ALL = ("jkk", "jkm", "jht")


def payment(
    member_id: UUID,
    *months: str,
    programmes: tuple[str, ...] = ALL,
    at: datetime = datetime(2026, 11, 3, 5, 0, tzinfo=UTC),
) -> PaymentSettled:
    lines = [
        SettledLine.model_validate(
            {"month": month, "programme": programme, "amount": 10_000, "relief": 0}
        )
        for month in months
        for programme in programmes
    ]
    return PaymentSettled(
        payment_id=new_id(),
        bill_id=new_id(),
        member_id=member_id,
        partner_id=new_id(),
        amount=10_000 * len(lines),
        paid_at=at,
        received_at=at,
        payer="self",
        lines=tuple(lines),
    )


async def status_of(session: AsyncSession, member: Member, reader: Any) -> MemberStatus:
    found = await service.get(session, member_id=member.id, viewer=reader.principal)
    return found.coverage.status


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> None:
    business_time.at(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))


async def test_the_first_payment_makes_a_member_active_and_says_so(
    session: AsyncSession, enrol: Enrol, agent: Any, published: Published
) -> None:
    member = await enrol(session)
    paid = payment(member.id, "2026-11")

    await service.extend(session, [paid])

    await session.refresh(member)
    assert await status_of(session, member, agent) is MemberStatus.ACTIVE
    assert member.paid_through == Month(2026, 11)
    assert (await published(session))[-1] == (
        "coverage.extended.v1",
        {
            "member_id": str(member.id),
            "months": ["2026-11"],
            "payment_id": str(paid.payment_id),
        },
    )


async def test_a_payment_twice_changes_nothing_more(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session)
    paid = payment(member.id, "2026-11", "2026-12")
    await service.extend(session, [paid])
    events = await published(session)

    await service.extend(session, [paid, paid])

    assert await session.scalar(select(func.count()).select_from(CoverageMonth)) == 6
    assert await published(session) == events


async def test_a_month_that_is_paid_already_stays_with_its_first_payment(
    session: AsyncSession, enrol: Enrol
) -> None:
    member = await enrol(session)
    first, second = payment(member.id, "2026-11"), payment(member.id, "2026-11")

    await service.extend(session, [first, second])

    payments = (await session.scalars(select(CoverageMonth.payment_id).distinct())).all()
    assert payments == [first.payment_id]


async def test_old_age_savings_alone_cover_nothing(
    session: AsyncSession, enrol: Enrol, agent: Any, published: Published
) -> None:
    member = await enrol(session)

    await service.extend(session, [payment(member.id, "2026-11", programmes=("jht", "jkk"))])

    assert await status_of(session, member, agent) is MemberStatus.REGISTERED_UNPAID
    assert "coverage.extended.v1" not in [kind for kind, _ in await published(session)]


async def test_many_payments_are_applied_together_each_to_its_own_member(
    session: AsyncSession, enrol: Enrol, agent: Any, published: Published
) -> None:
    members = [await enrol(session) for _ in range(5)]
    payments = [payment(member.id, "2026-11") for member in members[:4]]

    await service.extend(session, payments)

    states = [await status_of(session, member, agent) for member in members]
    extended = [data for kind, data in await published(session) if kind == "coverage.extended.v1"]
    assert states == [MemberStatus.ACTIVE] * 4 + [MemberStatus.REGISTERED_UNPAID]
    assert {each["payment_id"] for each in extended} == {str(p.payment_id) for p in payments}


async def test_the_day_of_payment_is_the_banks_day_in_jakarta(
    session: AsyncSession, enrol: Enrol, agent: Any
) -> None:
    member = await enrol(session)
    just_after_midnight = datetime(2026, 11, 9, 17, 30, tzinfo=UTC)

    await service.extend(session, [payment(member.id, "2026-11", at=just_after_midnight)])

    found = await service.get(session, member_id=member.id, viewer=agent.principal)
    assert str(found.coverage.covered_from) == "2026-11-10"


async def test_a_payment_of_somebody_unknown_is_an_error_and_not_forgotten(
    database: Database,
) -> None:
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await service.extend(session, [payment(new_id(), "2026-11")])


async def test_the_list_follows_the_calendar_without_any_further_event(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    agent: Any,
    business_time: BusinessTime,
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
        await service.extend(session, [payment(member.id, "2026-11")])
    expected = {
        datetime(2026, 11, 30, tzinfo=UTC): "active",
        datetime(2026, 12, 20, tzinfo=UTC): "grace",
        datetime(2027, 2, 20, tzinfo=UTC): "grace",
        datetime(2027, 3, 1, tzinfo=UTC): "lapsed",
    }

    seen = {}
    for instant, status in expected.items():
        business_time.at(instant)
        answer = await client.get("/v1/members", params={"status": status}, headers=agent.headers)
        seen[instant] = [each["status"] for each in answer.json()["items"]]

    assert seen == {instant: [status] for instant, status in expected.items()}


async def test_coverage_is_shown_with_its_reasons(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, agent: Any
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
        await service.extend(session, [payment(member.id, "2026-09", "2026-10")])

    answer = await client.get(f"/v1/members/{member.id}/coverage", headers=agent.headers)

    assert answer.json() == {
        "member_id": str(member.id),
        "on": "2026-11-20",
        "status": "grace",
        "covered_today": False,
        "covered_if_arrears_paid": True,
        "registered_on": "2026-11-03",
        "covered_from": "2026-11-03",
        "paid_through": "2026-10",
        "unpaid_months": ["2026-11"],
        "next_due_on": "2026-11-16",
        "lapses_on": "2027-02-01",
        "waiting_period": {"required_months": 3, "consecutive_months": 2, "is_over": False},
        "jkm_benefit": 10_000_000,
        "months": [
            {"month": "2026-10", "programmes": list(ALL), "paid_on": "2026-11-03"},
            {"month": "2026-09", "programmes": list(ALL), "paid_on": "2026-11-03"},
        ],
    }


async def test_a_lapsed_members_basis_says_so(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    payment_service: Any,
    business_time: BusinessTime,
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
        await service.extend(session, [payment(member.id, "2026-11")])
    business_time.at(datetime(2027, 3, 2, tzinfo=UTC))

    answer = await client.get(
        f"/v1/members/{member.id}/contribution-basis", headers=payment_service.headers
    )

    assert answer.json()["status"] == "lapsed"
