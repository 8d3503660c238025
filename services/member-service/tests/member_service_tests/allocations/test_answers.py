"""Answers to settled payments: published once, and again when a late fact changes them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import payment
from member_service_tests.attributions.test_service import at_work, away, to
from member_service_tests.registrations.histories import TERMS
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.attributions import service as attributions
from member_service.coverage import service
from member_service.coverage.tasks import CoverageTasks
from member_service.evidence.schemas import NewEvidence
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import AgentActivated, AgentSuspended
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
TASKS = CoverageTasks(TERMS)


def at(day: int, hour: int = 3, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(at(3))
    return business_time


@pytest.fixture
async def member(session: AsyncSession, enrol: Enrol, november: BusinessTime) -> Member:
    return await enrol(session, work_declaration={"working": True, "declared_on": "2026-11-03"})


async def answers(session: AsyncSession, published: Published) -> list[dict[str, Any]]:
    return [
        {"kind": kind.split(".")[1], **data}
        for kind, data in await published(session)
        if kind.startswith("coverage.")
    ]


async def test_a_payment_counts_for_the_agent_of_its_day_whatever_months_it_pays(
    session: AsyncSession,
    member: Member,
    agent: Any,
    officer: Any,
    november: BusinessTime,
    published: Published,
) -> None:
    successor = at_work(AgentActivated)
    await TASKS.on_agents_decided(session, [successor])
    await attributions.change(
        session,
        member_id=member.id,
        new=to(successor.agent_id, from_date=date(2026, 12, 1)),
        officer=officer.principal,
    )
    november.at(at(2, month=12))
    before = payment(member.id, "2026-11", "2026-12", at=at(30, 16))
    after = payment(member.id, "2027-01", at=at(30, 17))

    await allocations.take_allocations(session, [after, before], TERMS)

    answered = {each["allocation_id"]: each for each in await answers(session, published)}
    assert answered[str(before.allocation_id)]["agent_id"] == str(agent.principal.agent_id)
    assert answered[str(after.allocation_id)]["agent_id"] == str(successor.agent_id)
    assert {each["first_month"] for each in answered.values()} == {"2026-11"}
    assert [answered[str(each.allocation_id)]["is_acquisition"] for each in (before, after)] == [
        True,
        False,
    ]


async def test_the_first_payment_that_stands_is_the_acquisition_in_any_order_of_arrival(
    session: AsyncSession, member: Member, november: BusinessTime, published: Published
) -> None:
    november.at(at(20))
    early = payment(member.id, "2026-11", at=at(4))
    later = payment(member.id, "2026-12", at=at(5))

    await allocations.take_allocations(session, [later], TERMS)
    await allocations.take_allocations(session, [early], TERMS)

    answered = await answers(session, published)
    assert [
        (each["allocation_id"], each["answer_no"], each["is_acquisition"]) for each in answered
    ] == [
        (str(later.allocation_id), 1, True),
        (str(early.allocation_id), 1, True),
        (str(later.allocation_id), 2, False),
    ]


async def test_a_declined_payment_is_no_acquisition(
    session: AsyncSession, member: Member, published: Published
) -> None:
    declined = payment(member.id, "2027-06", at=at(4))
    stands = payment(member.id, "2026-11", at=at(5))

    await allocations.take_allocations(session, [declined, stands], TERMS)

    answered = await answers(session, published)
    assert [(each["kind"], each.get("is_acquisition")) for each in answered] == [
        ("declined", None),
        ("extended", True),
    ]


async def test_the_latest_evidence_on_a_former_registration_decides(
    session: AsyncSession, member: Member, officer: Any, published: Published
) -> None:
    await allocations.take_allocations(session, [payment(member.id, "2026-11", at=at(4))], TERMS)

    for new_to_bpu, basis in ((False, None), (False, None), (True, "bpjs_record")):
        await service.take_evidence(
            session,
            member_id=member.id,
            new=NewEvidence.model_validate({"new_to_bpu": new_to_bpu, "basis": basis}),
            officer=officer.principal,
            terms=TERMS,
        )

    answered = await answers(session, published)
    assert [(each["answer_no"], each["is_acquisition"]) for each in answered] == [
        (1, True),
        (2, False),
        (3, True),
    ]
    await session.refresh(member)
    assert (member.new_to_bpu, member.new_to_bpu_basis) == (True, "bpjs_record")


async def test_evidence_of_an_insufficient_kind_makes_no_acquisition(
    session: AsyncSession, member: Member, published: Published
) -> None:
    strict = TERMS.__class__(
        declaration_days=30,
        opening_margin=TERMS.opening_margin,
        waiting=TERMS.waiting,
        evidence=frozenset({"bpjs_record"}),
    )

    await allocations.take_allocations(session, [payment(member.id, "2026-11", at=at(4))], strict)

    assert [each["is_acquisition"] for each in await answers(session, published)] == [False]


async def test_the_late_fact_that_the_successor_was_away_changes_the_answer(
    session: AsyncSession,
    member: Member,
    officer: Any,
    november: BusinessTime,
    published: Published,
) -> None:
    successor = at_work(AgentActivated)
    await TASKS.on_agents_decided(session, [successor])
    await attributions.change(
        session,
        member_id=member.id,
        new=to(successor.agent_id, from_date=date(2026, 12, 1)),
        officer=officer.principal,
    )
    november.at(at(29))
    suspended = away(AgentSuspended, successor.agent_id)
    november.at(at(3, month=12))
    paid = payment(member.id, "2026-12", at=at(2, month=12))
    await allocations.take_allocations(session, [paid], TERMS)

    await TASKS.on_agents_decided(session, [suspended])

    answered = await answers(session, published)
    assert [(each["answer_no"], each["agent_id"]) for each in answered] == [
        (1, str(successor.agent_id)),
        (2, None),
    ]


async def test_a_member_of_five_years_passes_to_the_branch_at_the_first_of_month_61(
    session: AsyncSession,
    member: Member,
    agent: Any,
    november: BusinessTime,
    published: Published,
) -> None:
    month, paid = 2026 * 12 + 10, []
    for number in range(61):
        year, index = divmod(month + number, 12)
        moment = datetime(year, index + 1, 3, 5, tzinfo=UTC)
        paid.append(payment(member.id, f"{year}-{index + 1:02}", at=moment))
    november.at(datetime(2031, 11, 4, tzinfo=UTC))

    await allocations.take_allocations(session, paid, TERMS)

    answered = {each["allocation_id"]: each for each in await answers(session, published)}
    last, over = answered[str(paid[59].allocation_id)], answered[str(paid[60].allocation_id)]
    assert (last["agent_id"], over["agent_id"]) == (str(agent.principal.agent_id), None)
    await session.refresh(member)
    assert (member.present_period.from_date, member.present_period.reason) == (
        date(2031, 11, 1),
        "months_over",
    )


async def test_officers_record_and_read_evidence(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, officer: Any, agent: Any
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
    path = f"/v1/members/{member.id}/bpu-evidence"

    refused = await client.post(path, json={"new_to_bpu": True}, headers=officer.headers)
    made = await client.post(path, json={"new_to_bpu": False}, headers=officer.headers)
    again = await client.post(
        path, json={"id": made.json()["id"], "new_to_bpu": False}, headers=officer.headers
    )
    other = await client.post(
        path,
        json={"id": made.json()["id"], "new_to_bpu": True, "basis": "bpjs_record"},
        headers=officer.headers,
    )
    listed = await client.get(path, headers=officer.headers)
    by_agent = await client.post(path, json={"new_to_bpu": False}, headers=agent.headers)

    assert (refused.status_code, refused.json()["code"]) == (422, "new_to_bpu_basis_missing")
    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    assert (other.status_code, other.json()["code"]) == (409, "evidence_id_taken")
    assert [each["new_to_bpu"] for each in listed.json()["items"]] == [True, False]
    assert by_agent.status_code == 403
