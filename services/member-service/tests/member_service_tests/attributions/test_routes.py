from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx

from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock

Enrol = Callable[..., Awaitable[Member]]


async def test_an_officer_hands_over_and_everyone_responsible_reads_it(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    officer: Any,
    make_subject: Callable[..., Any],
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
    path = f"/v1/members/{member.id}/attributions"
    body = {"agent_id": None, "reason": "agent_left"}

    made = await client.post(path, json=body, headers=officer.headers)
    member_subject = make_subject(Role.MEMBER, member_id=member.id)
    listed = (await client.get(path, headers=member_subject.headers)).json()

    tomorrow = str(clock.today() + timedelta(days=1))
    assert (made.status_code, made.json()["from_date"]) == (201, tomorrow)
    assert [each["reason"] for each in listed["items"]] == ["agent_left", "enrolled"]
    assert [(each["from_date"], each["until_date"]) for each in listed["periods"]] == [
        (str(clock.today()), tomorrow),
        (tomorrow, None),
    ]

    withdrawn = await client.post(
        f"{path}/{made.json()['id']}/withdrawal", json={}, headers=officer.headers
    )
    listed = (await client.get(path, headers=member_subject.headers)).json()

    assert (withdrawn.status_code, len(listed["items"]), len(listed["periods"])) == (200, 2, 1)


async def test_an_agent_does_not_hand_over(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, agent: Any
) -> None:
    async with database.begin() as session:
        member = await enrol(session)
    body = {"agent_id": None, "reason": "agent_left"}

    answer = await client.post(
        f"/v1/members/{member.id}/attributions", json=body, headers=agent.headers
    )

    assert answer.status_code == 403
