"""Endings that officers report, and their effects."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY, payment, take
from member_service_tests.coverage.test_service import coverage_of
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import select

from member_service.coverage.tasks import CoverageTasks
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def member(database: Database, enrol: Enrol, business_time: BusinessTime) -> Member:
    """A member who paid November and December on 3 November; the present is the 20th."""
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    async with database.begin() as session:
        enrolled = await enrol(session, work_declaration=TODAY)
        await take(session, payment(enrolled.id, "2026-11", "2026-12"))
    business_time.at(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))
    return enrolled


async def report(
    client: httpx.AsyncClient, member: Member, officer: Any, **ending: str
) -> httpx.Response:
    return await client.post(
        f"/v1/members/{member.id}/endings", json=ending, headers=officer.headers
    )


async def events_of(database: Database, kind: str) -> list[dict[str, Any]]:
    async with database.read() as session:
        rows = await session.scalars(select(EventRow.data).where(EventRow.type == kind))
        return list(rows)


async def test_a_death_ends_cover_after_its_day_and_withdraws_what_was_paid_ahead(
    client: httpx.AsyncClient, database: Database, member: Member, officer: Any
) -> None:
    answer = await report(client, member, officer, reason="death", last_day="2026-11-15")

    assert answer.status_code == 201
    seen = await coverage_of(client, member, officer, at="2026-11-15T12:00:00Z")
    after = await coverage_of(client, member, officer, at="2026-11-16T12:00:00Z")
    assert (seen["cover"], after["cover"], after["standing"]) == (
        "covered",
        "not_covered",
        "ended",
    )
    assert [each["month"] for each in after["months"]] == ["2026-11"]
    (ended,) = await events_of(database, "registration.ended.v1")
    assert (ended["ended_on"], ended["reason_code"]) == ("2026-11-16", "death")
    (withdrawn,) = await events_of(database, "coverage.withdrawn.v1")
    assert (withdrawn["months"], withdrawn["withdrawn"]) == (["2026-11"], ["2026-12"])


async def test_an_ending_in_the_future_withdraws_on_its_day(
    client: httpx.AsyncClient,
    database: Database,
    member: Member,
    officer: Any,
    business_time: BusinessTime,
) -> None:
    await report(client, member, officer, reason="choice", last_day="2026-11-30")
    assert await events_of(database, "coverage.withdrawn.v1") == []
    tasks = CoverageTasks(TERMS)

    business_time.at(datetime(2026, 11, 30, 16, 59, tzinfo=UTC))
    assert not await tasks.announce_ends(database)
    assert await events_of(database, "coverage.withdrawn.v1") == []
    business_time.at(datetime(2026, 11, 30, 17, 0, tzinfo=UTC))
    await tasks.announce_ends(database)
    await tasks.announce_ends(database)

    (withdrawn,) = await events_of(database, "coverage.withdrawn.v1")
    assert withdrawn["withdrawn"] == ["2026-12"]
    assert len(await events_of(database, "registration.ended.v1")) == 1


async def test_a_lapse_is_announced_a_day_after_it_and_once(
    database: Database, member: Member, business_time: BusinessTime
) -> None:
    tasks = CoverageTasks(TERMS)

    business_time.at(datetime(2027, 4, 1, 5, 0, tzinfo=UTC))
    await tasks.announce_ends(database)
    assert await events_of(database, "registration.ended.v1") == []
    business_time.at(datetime(2027, 4, 2, 5, 0, tzinfo=UTC))
    await tasks.announce_ends(database)
    await tasks.announce_ends(database)

    (ended,) = await events_of(database, "registration.ended.v1")
    assert (ended["ended_on"], ended["reason_code"]) == ("2027-04-01", "lapsed")


async def test_a_mistaken_report_is_withdrawn(
    client: httpx.AsyncClient, database: Database, member: Member, officer: Any
) -> None:
    ending_id = str(new_id())
    await report(client, member, officer, id=ending_id, reason="death", last_day="2026-11-15")

    for _ in range(2):
        answer = await client.post(
            f"/v1/members/{member.id}/endings/{ending_id}/withdrawal", headers=officer.headers
        )
        assert answer.status_code == 200

    seen = await coverage_of(client, member, officer)
    assert (seen["cover"], seen["registration"]["ends_on"]) == ("covered", "2027-04-01")
    assert [each["month"] for each in seen["months"]] == ["2026-12", "2026-11"]
    answers = await events_of(database, "coverage.extended.v1")
    assert [each["answer_no"] for each in answers] == [1, 3]
    listed = await client.get(f"/v1/members/{member.id}/endings", headers=officer.headers)
    assert [each["withdrawn_at"] is not None for each in listed.json()["items"]] == [True]


async def test_the_same_report_twice_is_one_and_another_one_under_its_id_is_refused(
    client: httpx.AsyncClient, member: Member, officer: Any
) -> None:
    ending = {"id": str(new_id()), "reason": "claim", "last_day": "2026-11-15"}

    answers = [
        await report(client, member, officer, **ending),
        await report(client, member, officer, **ending),
        await report(client, member, officer, **{**ending, "last_day": "2026-11-16"}),
    ]

    assert [each.status_code for each in answers] == [201, 201, 409]
    assert answers[2].json()["code"] == "ending_id_taken"


async def test_an_ending_is_reported_once_so_that_its_withdrawal_takes_it_back(
    client: httpx.AsyncClient, member: Member, officer: Any
) -> None:
    path = f"/v1/members/{member.id}/endings"
    ending = {"reason": "choice", "last_day": "2026-12-15"}
    first = await report(client, member, officer, **ending)

    again = await report(client, member, officer, **ending)
    other = await report(client, member, officer, reason="choice", last_day="2026-12-16")
    withdrawn = await client.post(
        f"{path}/{first.json()['id']}/withdrawal", headers=officer.headers
    )
    anew = await report(client, member, officer, **ending)

    assert [each.status_code for each in (first, again, other, withdrawn, anew)] == [
        201,
        409,
        201,
        200,
        201,
    ]
    assert again.json()["code"] == "ending_already_reported"


@pytest.mark.parametrize(
    ("reason", "last_day", "status"),
    [
        ("death", "2026-11-20", 201),
        ("death", "2026-11-21", 422),
        ("choice", "2027-11-21", 201),
        ("choice", "2027-11-22", 422),
        ("lapsed", "2026-11-20", 422),
    ],
)
async def test_the_day_of_an_ending_must_be_knowable(
    client: httpx.AsyncClient,
    member: Member,
    officer: Any,
    reason: str,
    last_day: str,
    status: int,
) -> None:
    answer = await report(client, member, officer, reason=reason, last_day=last_day)

    assert answer.status_code == status


async def test_an_agent_reports_no_ending(
    client: httpx.AsyncClient, member: Member, agent: Any
) -> None:
    answer = await report(client, member, agent, reason="choice", last_day="2026-11-30")

    assert answer.status_code == 403


async def test_a_report_is_published_of_a_person_without_a_registration_too(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, officer: Any
) -> None:
    async with database.begin() as session:
        unpaid = await enrol(session)
    ending = {"id": str(new_id()), "reason": "death", "last_day": "2020-01-31"}

    reported = await report(client, unpaid, officer, **ending)
    await report(client, unpaid, officer, **ending)
    after_report = await events_of(database, "member.updated.v1")
    path = f"/v1/members/{unpaid.id}/endings/{reported.json()['id']}/withdrawal"
    for _ in range(2):
        await client.post(path, headers=officer.headers)

    event = {"member_id": str(unpaid.id), "changed": ["endings"]}
    assert after_report == [event]
    assert await events_of(database, "member.updated.v1") == [event, event]
    assert await events_of(database, "registration.ended.v1") == []
