from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.consents.models import Consent
from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        declared = {"working": True, "declared_on": "2026-01-02"}
        return await enrol(session, work_declaration=declared)


async def test_enrolment_records_the_declaration_and_the_consent(
    client: httpx.AsyncClient, session: AsyncSession, agent: Any, member: Member
) -> None:
    listed = await client.get(f"/v1/members/{member.id}/work-declarations", headers=agent.headers)

    consent = await session.scalar(select(Consent).where(Consent.member_id == member.id))
    assert [each["declared_on"] for each in listed.json()["items"]] == ["2026-01-02"]
    assert consent is not None
    assert consent.purpose_version == "2025-1"
    assert consent.given_at.isoformat() == "2025-01-02T01:00:00+00:00"


async def test_members_declare_again_on_their_own(
    client: httpx.AsyncClient, make_subject: Callable[..., Any], member: Member
) -> None:
    member_subject = make_subject(Role.MEMBER, member_id=member.id)
    path = f"/v1/members/{member.id}/work-declarations"

    made = await client.post(
        path, json={"working": True, "declared_on": "2026-01-05"}, headers=member_subject.headers
    )

    listed = await client.get(path, headers=member_subject.headers)
    assert made.status_code == 201
    assert made.json()["made_by"] == str(member_subject.principal.account_id)
    assert [each["declared_on"] for each in listed.json()["items"]] == ["2026-01-05", "2026-01-02"]


async def test_a_repeated_declaration_records_nothing_more(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    path = f"/v1/members/{member.id}/work-declarations"
    body = {"id": str(new_id()), "working": True, "declared_on": "2026-01-05"}

    first = await client.post(path, json=body, headers=agent.headers)
    again = await client.post(path, json=body, headers=agent.headers)
    other = await client.post(
        path, json={**body, "declared_on": "2026-01-06"}, headers=agent.headers
    )

    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "declaration_id_taken")
    assert len((await client.get(path, headers=agent.headers)).json()["items"]) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"working": False, "declared_on": "2026-01-05"}, "not_working"),
        ({"working": True, "declared_on": "2099-01-05"}, "declared_in_future"),
    ],
)
async def test_an_impossible_declaration_is_refused(
    client: httpx.AsyncClient, agent: Any, member: Member, body: dict[str, Any], code: str
) -> None:
    answer = await client.post(
        f"/v1/members/{member.id}/work-declarations", json=body, headers=agent.headers
    )

    assert (answer.status_code, answer.json()["code"]) == (422, code)
