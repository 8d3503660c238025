"""An overview counts what the list shows."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY
from member_service_tests.listings.test_routes import members as _members
from member_service_tests.open_bills.test_service import issued

from member_service.members.models import Member
from member_service.open_bills import service as open_bills
from member_service.overview.rules import make_day
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

members = _members

NOTHING = {
    "total": 0,
    "registered_unpaid": 0,
    "active": 0,
    "grace": 0,
    "lapsed": 0,
    "ended": 0,
    "due_in_7_days": 0,
    "lapsing_in_14_days": 0,
    "lapsing_in_30_days": 0,
    "with_open_bill": 0,
    "without_open_bill": 0,
}


async def counted(client: httpx.AsyncClient, reader: Any) -> dict[str, Any]:
    answer = await client.get("/v1/overview/members", headers=reader.headers)
    assert answer.status_code == 200, answer.text
    counts: dict[str, Any] = answer.json()
    as_of = datetime.fromisoformat(counts.pop("as_of"))
    assert str(jakarta_date(as_of)) == counts["on"]
    return counts


async def test_members_are_counted_by_what_is_to_be_done(
    client: httpx.AsyncClient,
    database: Database,
    agent: Any,
    members: dict[str, Member],
    business_time: BusinessTime,
) -> None:
    async with database.begin() as session:
        await open_bills.take(session, [issued(members["two"].id)])

    seen = []
    for day in (datetime(2026, 12, 20, tzinfo=UTC), datetime(2027, 2, 16, 2, tzinfo=UTC)):
        business_time.at(day)
        seen.append(await counted(client, agent))

    assert seen[0] == NOTHING | {
        "on": "2026-12-20",
        "total": 4,
        "registered_unpaid": 1,
        "active": 2,
        "grace": 1,
        "with_open_bill": 1,
        "without_open_bill": 3,
    }
    # On 16 February the first lapses on 1 March; the last one's February was due yesterday.
    assert seen[1] == NOTHING | {
        "on": "2027-02-16",
        "total": 4,
        "registered_unpaid": 1,
        "grace": 3,
        "lapsing_in_14_days": 1,
        "lapsing_in_30_days": 1,
        "without_open_bill": 4,
    }


async def test_counts_are_those_of_the_lists(
    client: httpx.AsyncClient,
    agent: Any,
    officer: Any,
    make_subject: Any,
    make_agent: Any,
    members: dict[str, Member],
) -> None:
    readers = {
        "agent": agent,
        "officer": officer,
        "wadah": make_subject(Role.WADAH_ADMIN, wadah_id=agent.principal.wadah_id),
        "finance": make_subject(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.COUNTRY)),
        "other agent": make_agent(),
        "elsewhere": make_subject(Role.AUDITOR, scope=Scope(ScopeKind.REGION, "bali")),
    }
    for name, reader in readers.items():
        counts = await counted(client, reader)
        for standing in ("registered_unpaid", "active", "grace", "lapsed", "ended"):
            listed = await client.get(
                "/v1/members", params={"standing": standing}, headers=reader.headers
            )
            assert counts[standing] == len(listed.json()["items"]), (name, standing)


async def test_members_of_an_office_are_counted_once_for_all_who_ask_soon_on_the_same_day(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Any,
    agent: Any,
    make_subject: Any,
    members: dict[str, Member],
    business_time: BusinessTime,
) -> None:
    branch, region = agent.principal.scope, Scope(ScopeKind.REGION, "jatim")
    readers = {
        "officer": make_subject(Role.BRANCH_OFFICER, scope=branch),
        "agent": agent,
        "auditor of the branch": make_subject(Role.AUDITOR, scope=branch),
        "auditor of the region": make_subject(Role.AUDITOR, scope=region),
        "auditor of nothing": make_subject(Role.AUDITOR),
        "admin": make_subject(Role.ADMIN),
    }
    before = [(await counted(client, readers[name]))["total"] for name in ("officer", "agent")]
    async with database.begin() as session:
        await enrol(session, work_declaration=TODAY)

    after = {name: (await counted(client, each))["total"] for name, each in readers.items()}
    business_time.at(datetime(2026, 12, 21, 2, 0, tzinfo=UTC))
    next_day = await counted(client, readers["officer"])

    assert before == [4, 4]
    assert after == {
        "officer": 4,
        "agent": 5,
        "auditor of the branch": 4,
        "auditor of the region": 5,
        "auditor of nothing": 0,
        "admin": 5,
    }
    assert (next_day["on"], next_day["total"]) == ("2026-12-21", 5)


@pytest.mark.parametrize(
    ("on", "due"),
    [
        (date(2026, 12, 8), ()),
        (date(2026, 12, 9), (Month(2026, 12),)),
        (date(2026, 12, 15), (Month(2026, 12),)),
        (date(2026, 12, 16), ()),
    ],
)
def test_a_month_falls_due_within_seven_days(on: date, due: tuple[Month, ...]) -> None:
    assert make_day(on, frozenset()).due_months == due


async def test_a_member_reads_the_own_coverage(
    client: httpx.AsyncClient, make_subject: Any, members: dict[str, Member]
) -> None:
    reader = make_subject(Role.MEMBER, member_id=members["two"].id)

    own = await client.get("/v1/me/coverage", headers=reader.headers)
    same = await client.get(f"/v1/members/{members['two'].id}/coverage", headers=reader.headers)

    assert own.status_code == 200
    assert {**own.json(), "at": "", "known_at": ""} == {**same.json(), "at": "", "known_at": ""}


async def test_a_member_without_a_membership_has_no_coverage(
    client: httpx.AsyncClient, make_subject: Any
) -> None:
    answer = await client.get("/v1/me/coverage", headers=make_subject(Role.MEMBER).headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
