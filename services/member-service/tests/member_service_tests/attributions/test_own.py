"""A member reads who cares for them: the agent's name and telephone, or the branch."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from member_service_tests.attributions.test_service import TASKS, at_work, away
from sqlalchemy import select

from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import AgentActivated, AgentSuspended
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
PATH = "/v1/me/attribution"


@pytest.fixture
def march(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 3, 10, 3, 0, tzinfo=UTC))
    return business_time


@pytest.fixture
async def person(database: Database, enrol: Enrol, officer: Any, march: BusinessTime) -> Member:
    """The member whom agent-service has made the usual agent."""
    async with database.begin() as session:
        return await enrol(session, by=officer, full_name="Budi Santoso", phone="081299990001")


@pytest.fixture
async def member(database: Database, enrol: Enrol, agent: Any, person: Member) -> Member:
    """A member whom the usual agent, at work, cares for."""
    principal = agent.principal
    activated = at_work(
        AgentActivated,
        agent_id=principal.agent_id,
        member_id=person.id,
        wadah_id=principal.wadah_id,
    )
    async with database.begin() as session:
        await TASKS.on_agents_decided(session, [activated])
        return await enrol(session)


async def test_a_member_reads_the_agent_s_name_and_telephone_and_the_agent_s_audit_says_so(
    client: httpx.AsyncClient,
    database: Database,
    make_subject: Any,
    agent: Any,
    member: Member,
    person: Member,
) -> None:
    reader = make_subject(Role.MEMBER, member_id=member.id)

    answer = await client.get(PATH, headers=reader.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "member_id": str(member.id),
        "agent": {
            "agent_id": str(agent.principal.agent_id),
            "full_name": "Budi Santoso",
            "phone": person.phone,
        },
        "branch_code": "banyuwangi",
        "from_date": "2026-03-10",
    }
    async with database.read() as session:
        rows = (await session.scalars(select(ReadAudit))).all()
    assert [(row.kind, set(row.ids)) for row in rows] == [
        (f"GET {PATH}", {agent.principal.agent_id, person.id})
    ]
    assert rows[0].account_id == reader.principal.account_id


async def test_a_member_of_the_branch_reads_no_agent(
    client: httpx.AsyncClient, make_subject: Any, person: Member
) -> None:
    reader = make_subject(Role.MEMBER, member_id=person.id)

    answer = await client.get(PATH, headers=reader.headers)

    assert (answer.json()["agent"], answer.json()["branch_code"]) == (None, "banyuwangi")


async def test_a_member_reads_nothing_of_an_agent_who_is_suspended(
    client: httpx.AsyncClient,
    database: Database,
    make_subject: Any,
    agent: Any,
    member: Member,
    march: BusinessTime,
) -> None:
    march.at(clock.now() + timedelta(hours=1))
    async with database.begin() as session:
        await TASKS.on_agents_decided(session, [away(AgentSuspended, agent.principal.agent_id)])
    reader = make_subject(Role.MEMBER, member_id=member.id)

    answer = await client.get(PATH, headers=reader.headers)

    assert (answer.status_code, answer.json()["agent"]) == (200, None)


async def test_without_a_membership_there_is_no_attribution(
    client: httpx.AsyncClient, make_subject: Any
) -> None:
    answer = await client.get(PATH, headers=make_subject(Role.MEMBER).headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
