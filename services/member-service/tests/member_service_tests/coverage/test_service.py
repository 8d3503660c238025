from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage import service
from member_service.coverage.models import AllocationRow
from member_service.members.models import Member
from member_service.members.rules import Standing
from member_service.registrations.models import RegistrationRow
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled, SettledLine
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
        issued_at=at,
        paid_at=at,
        received_at=received_at or at,
        payer="self",
        lines=tuple(lines),
    )


async def extend(session: AsyncSession, *payments: PaymentSettled) -> None:
    await service.extend(session, payments, TERMS)


async def coverage_of(client: httpx.AsyncClient, member: Member, reader: Any, **asked: str) -> Any:
    answer = await client.get(
        f"/v1/members/{member.id}/coverage", params=asked, headers=reader.headers
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    return business_time


@pytest.fixture
async def member(database: Database, enrol: Enrol, november: BusinessTime) -> Member:
    """A member enrolled on 3 November; the present is the 20th."""
    async with database.begin() as session:
        enrolled = await enrol(session, work_declaration=TODAY)
    november.at(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))
    return enrolled


async def test_the_first_payment_opens_a_registration_and_publishes_it(
    session: AsyncSession, enrol: Enrol, published: Published, november: BusinessTime
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    november.at(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))
    paid = payment(member.id, "2026-11")

    await extend(session, paid)

    await session.refresh(member)
    assert (member.paid_through, member.first_unpaid) == (Month(2026, 11), Month(2026, 12))
    row = await session.get_one(RegistrationRow, paid.payment_id)
    assert (row.member_id, row.began_at, row.age) == (member.id, paid.paid_at, 36)
    assert (await published(session))[-2:] == [
        (
            "registration.opened.v1",
            {
                "registration_id": str(paid.payment_id),
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
    await extend(session, paid)
    events = await published(session)

    await extend(session, paid, paid)

    assert await session.scalar(select(func.count()).select_from(AllocationRow)) == 1
    assert await published(session) == events


async def test_a_second_payment_of_a_month_is_declined_with_its_reason(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    first = payment(member.id, "2026-11")
    second = payment(member.id, "2026-11", at=datetime(2026, 11, 4, 5, 0, tzinfo=UTC))

    await extend(session, first, second)

    assert (await published(session))[-1] == (
        "coverage.declined.v1",
        {
            "member_id": str(member.id),
            "payment_id": str(second.payment_id),
            "bill_id": str(second.bill_id),
            "answer_no": 1,
            "counts_at": "2026-11-04T05:00:00Z",
            "reason_code": "month_paid",
        },
    )


async def test_a_payment_that_becomes_known_late_changes_the_answers_to_others(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    known = payment(member.id, "2026-11", at=datetime(2026, 11, 4, 5, 0, tzinfo=UTC))
    late = payment(member.id, "2026-11")
    await extend(session, known)

    await extend(session, late)

    events = [
        (kind, data.get("payment_id") or data.get("registration_id"), data.get("answer_no"))
        for kind, data in await published(session)
    ][-4:]
    assert events == [
        ("registration.opened.v1", str(late.payment_id), None),
        ("registration.corrected.v1", str(known.payment_id), None),
        ("coverage.extended.v1", str(late.payment_id), 1),
        ("coverage.declined.v1", str(known.payment_id), 2),
    ]
    superseded = await session.get_one(RegistrationRow, known.payment_id)
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
            await extend(session, each)
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


async def test_old_age_savings_alone_cover_nothing(
    client: httpx.AsyncClient, database: Database, member: Member, agent: Any
) -> None:
    async with database.begin() as session:
        await extend(session, payment(member.id, "2026-11", programmes=("jht", "jkk")))

    assert (await coverage_of(client, member, agent))["standing"] == "registered_unpaid"


async def test_many_payments_are_applied_together_each_to_its_own_member(
    session: AsyncSession, enrol: Enrol, published: Published
) -> None:
    members = [await enrol(session, work_declaration=TODAY) for _ in range(5)]
    payments = [payment(member.id, "2026-11") for member in members[:4]]

    await extend(session, *payments)

    extended = [data for kind, data in await published(session) if kind == "coverage.extended.v1"]
    assert {each["payment_id"] for each in extended} == {str(p.payment_id) for p in payments}
    for each in members:
        await session.refresh(each)
    assert [each.paid_through is not None for each in members] == [True] * 4 + [False]


async def test_a_payment_of_an_unknown_member_is_an_error_and_not_lost(
    database: Database,
) -> None:
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await extend(session, payment(new_id(), "2026-11"))


async def test_the_list_follows_the_calendar_without_any_further_event(
    client: httpx.AsyncClient,
    database: Database,
    member: Member,
    agent: Any,
    business_time: BusinessTime,
) -> None:
    async with database.begin() as session:
        await extend(session, payment(member.id, "2026-11"))
    expected = {
        datetime(2026, 11, 30, tzinfo=UTC): Standing.ACTIVE,
        datetime(2026, 12, 20, tzinfo=UTC): Standing.GRACE,
        datetime(2027, 2, 20, tzinfo=UTC): Standing.GRACE,
        datetime(2027, 3, 1, tzinfo=UTC): Standing.LAPSED,
    }

    seen = {}
    for instant in expected:
        business_time.at(instant)
        seen[instant] = [
            [each["standing"] for each in answer.json()["items"]]
            for standing in Standing
            if (
                answer := await client.get(
                    "/v1/members", params={"standing": standing}, headers=agent.headers
                )
            ).json()["items"]
        ]

    assert seen == {instant: [[standing]] for instant, standing in expected.items()}


async def test_coverage_is_shown_with_its_reasons(
    client: httpx.AsyncClient, database: Database, member: Member, agent: Any
) -> None:
    async with database.begin() as session:
        await extend(session, payment(member.id, "2026-11", "2026-12"))

    seen = await coverage_of(client, member, agent, at="2027-01-20T00:00:00Z")

    assert seen.pop("known_at").startswith("2026-11-20T05:00:")
    assert seen == {
        "member_id": str(member.id),
        "at": "2027-01-20T00:00:00Z",
        "standing": "grace",
        "cover": "covered_if_paid",
        "if_paid": {"months": ["2027-01"], "pay_before": "2027-03-31T17:00:00Z"},
        "registration": {
            "kind": "first",
            "began_on": "2026-11-03",
            "first_month": "2026-11",
            "covers_from": "2026-11-03T05:00:00Z",
            "ends_on": "2027-04-01",
            "end_reason": "lapsed",
        },
        "paid_through": "2026-12",
        "unpaid_months": ["2027-01"],
        "next_due_on": "2027-01-15",
        "waiting_period": {
            "required_months": 3,
            "consecutive_months": 2,
            "counted": "over",
            "is_over": False,
        },
        "jkm_benefit": None,
        "months": [
            {"month": "2026-12", "programmes": list(ALL), "paid_on": "2026-11-03"},
            {"month": "2026-11", "programmes": list(ALL), "paid_on": "2026-11-03"},
        ],
    }


async def test_coverage_can_be_asked_by_what_was_known_at_an_instant(
    client: httpx.AsyncClient, database: Database, member: Member, agent: Any
) -> None:
    known_later = datetime(2026, 11, 10, 5, 0, tzinfo=UTC)
    async with database.begin() as session:
        await extend(session, payment(member.id, "2026-11", received_at=known_later))
    asked = {"at": "2026-11-05T00:00:00Z"}

    before = await coverage_of(client, member, agent, **asked, known_at="2026-11-10T04:59:59Z")
    after = await coverage_of(client, member, agent, **asked, known_at="2026-11-10T05:00:00Z")

    assert (before["cover"], after["cover"]) == ("not_covered", "covered")


async def test_a_contribution_basis_is_for_services_only(
    client: httpx.AsyncClient, agent: Any, payment_service: Any, member: Member
) -> None:
    path = f"/v1/members/{member.id}/contribution-basis"

    answer = await client.get(path, headers=payment_service.headers)
    refused = await client.get(path, headers=agent.headers)

    seen = answer.json()
    assert [(each.pop("months")[0], each["pay_before"]) for each in seen["offers"]] == [
        ("2026-11", "2026-11-30T17:00:00Z"),
        ("2026-12", "2026-12-31T17:00:00Z"),
    ]
    assert seen == {
        "member_id": str(member.id),
        "display_name": "Slamet Riyadi",
        "sector": "other",
        "declared_income": 1_000_000,
        "programmes": ["jkk", "jkm", "jht"],
        "employs_others": False,
        "payer": "self",
        "attribution_no": 1,
        "periods": [
            {
                "from_date": "2026-11-03",
                "agent_id": str(member.agent_id),
                "wadah_id": str(member.wadah_id),
                "branch_code": "banyuwangi",
                "region_code": "jatim",
                "agent_sees": True,
            }
        ],
        "registration": None,
        "settled_since": None,
        "offers": seen["offers"],
        "declaration_needed": False,
        "not_billable": None,
    }
    assert refused.status_code == 403


async def test_a_lapsed_members_basis_offers_a_new_registration(
    client: httpx.AsyncClient,
    database: Database,
    member: Member,
    payment_service: Any,
    business_time: BusinessTime,
) -> None:
    async with database.begin() as session:
        await extend(session, payment(member.id, "2026-11"))
    business_time.at(datetime(2027, 3, 2, tzinfo=UTC))

    answer = await client.get(
        f"/v1/members/{member.id}/contribution-basis", headers=payment_service.headers
    )

    seen = answer.json()
    assert (seen["registration"], seen["declaration_needed"]) == (None, True)
    assert seen["settled_since"] == "2027-02-28T17:00:00Z"
    assert [each["months"][0] for each in seen["offers"]] == ["2027-03", "2027-04"]
