"""Questions about coverage, and the basis of a bill."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import ALL, TODAY, payment, take
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from member_service.members.rules import Standing
from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


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


async def test_old_age_savings_alone_cover_nothing(
    client: httpx.AsyncClient, database: Database, member: Member, agent: Any
) -> None:
    async with database.begin() as session:
        await take(session, payment(member.id, "2026-11", programmes=("jht", "jkk")))

    assert (await coverage_of(client, member, agent))["standing"] == "registered_unpaid"


async def test_the_list_follows_the_calendar_without_any_further_event(
    client: httpx.AsyncClient,
    database: Database,
    member: Member,
    agent: Any,
    business_time: BusinessTime,
) -> None:
    async with database.begin() as session:
        await take(session, payment(member.id, "2026-11"))
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
        await take(session, payment(member.id, "2026-11", "2026-12"))

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
        await take(session, payment(member.id, "2026-11", received_at=known_later))
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
        await take(session, payment(member.id, "2026-11"))
    business_time.at(datetime(2027, 3, 2, tzinfo=UTC))

    answer = await client.get(
        f"/v1/members/{member.id}/contribution-basis", headers=payment_service.headers
    )

    seen = answer.json()
    assert (seen["registration"], seen["declaration_needed"]) == (None, True)
    assert seen["settled_since"] == "2027-02-28T17:00:00Z"
    assert [each["months"][0] for each in seen["offers"]] == ["2027-03", "2027-04"]
