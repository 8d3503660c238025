"""Changes that one person cannot make: sensitive facts, and the record of an agent."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods.models import KnownAgent
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        return await enrol(session)


SENSITIVE = {
    "full_name": "Budi Santoso",
    "birth_date": "1990-03-13",
    "sex": "female",
    "phone": "0813 1111 2222",
    "occupations": ["farmer"],
    "payer": "sponsor",
}


@pytest.mark.parametrize("field", SENSITIVE)
async def test_one_person_cannot_change_a_sensitive_fact(
    client: httpx.AsyncClient, agent: Any, officer: Any, member: Member, field: str
) -> None:
    patch = {"declared_income": 2_000_000, field: SENSITIVE[field]}

    for subject in (agent, officer):
        answer = await client.patch(
            f"/v1/members/{member.id}", json=patch, headers={**subject.headers, "If-Match": "*"}
        )

        assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required")
        assert answer.json()["details"] == {"fields": [field]}
        assert "/v1/members/{id}/corrections" in answer.json()["title"]
    now = await client.get(f"/v1/members/{member.id}", headers=agent.headers)
    assert (now.json()["version"], now.json()["declared_income"]) == (1, 1_000_000)


async def test_only_the_branch_changes_the_record_of_an_agent(
    client: httpx.AsyncClient, agent: Any, officer: Any, member: Member, session: AsyncSession
) -> None:
    known = KnownAgent(
        agent_id=new_id(), member_id=member.id, wadah_id=new_id(), branch_code="b", region_code="r"
    )
    session.add(known)
    await session.flush()
    path, patch = f"/v1/members/{member.id}", {"declared_income": 2_000_000}

    by_agent = await client.patch(path, json=patch, headers={**agent.headers, "If-Match": "*"})
    by_officer = await client.patch(path, json=patch, headers={**officer.headers, "If-Match": "*"})

    assert (by_agent.status_code, by_agent.json()["code"]) == (403, "agents_own_record")
    assert by_officer.status_code == 200
