from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month

Enrol = Callable[..., Awaitable[Member]]


async def test_an_officer_attributes_and_everybody_in_charge_reads_it(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    officer: Any,
    make_subject: Callable[..., Any],
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
    path = f"/v1/members/{member.id}/attributions"
    month = str(Month.of(clock.today()))
    body = {"agent_id": None, "from_month": month, "reason": "agent_left"}

    made = await client.post(path, json=body, headers=officer.headers)
    himself = make_subject(Role.MEMBER, member_id=member.id)
    listed = await client.get(path, headers=himself.headers)

    assert (made.status_code, made.json()["from_month"]) == (201, month)
    assert [each["reason"] for each in listed.json()["items"]] == ["agent_left", "enrolled"]


async def test_an_agent_does_not_attribute(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, agent: Any
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
    body = {"agent_id": None, "from_month": "2026-11", "reason": "agent_left"}

    answer = await client.post(
        f"/v1/members/{member.id}/attributions", json=body, headers=agent.headers
    )

    assert answer.status_code == 403
