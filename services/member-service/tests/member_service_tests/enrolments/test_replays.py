"""A stored answer is replayed only to accounts that may still see it, and each time recorded."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit

Form = Callable[..., dict[str, Any]]
MakeSubject = Callable[..., Any]
KEY = "key-00000001"
PATH = "/v1/members"
BRANCH = {"kind": ScopeKind.BRANCH, "code": "banyuwangi", "region": "jatim"}


@pytest.fixture
async def first(client: httpx.AsyncClient, agent: Any, form: Form) -> dict[str, Any]:
    """What an agent has sent once."""
    new = form()
    answer = await client.post(PATH, json=new, headers=agent.keyed(KEY))
    assert answer.status_code == 201, answer.text
    return new


async def test_the_answer_is_replayed_to_the_same_agent(
    client: httpx.AsyncClient, agent: Any, first: dict[str, Any]
) -> None:
    answer = await client.post(PATH, json=first, headers=agent.keyed(KEY))

    assert answer.status_code == 201
    assert answer.headers["Idempotency-Replayed"] == "true"


async def test_the_answer_is_not_replayed_to_an_agent_who_lost_the_role(
    client: httpx.AsyncClient, agent: Any, make_subject: MakeSubject, first: dict[str, Any]
) -> None:
    same = {"account_id": agent.principal.account_id}
    for roles in ((), (Role.MEMBER,)):
        answer = await client.post(
            PATH, json=first, headers=make_subject(*roles, **same).keyed(KEY)
        )

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize(
    "changed",
    [
        {"agent_id": new_id()},
        {"wadah_id": new_id()},
        {"scope": Scope(ScopeKind.BRANCH, "jember", "jatim")},
        {"member_id": new_id()},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_the_answer_is_not_replayed_to_an_account_with_changed_rights(
    client: httpx.AsyncClient,
    agent: Any,
    make_subject: MakeSubject,
    first: dict[str, Any],
    changed: dict[str, Any],
) -> None:
    was = agent.principal
    rights = {"agent_id": was.agent_id, "wadah_id": was.wadah_id, "scope": was.scope, **changed}
    later = make_subject(Role.AGENT, account_id=was.account_id, **rights)

    answer = await client.post(PATH, json=first, headers=later.keyed(KEY))

    assert (answer.status_code, answer.json()["code"]) == (403, "replay_forbidden")


async def test_the_answer_is_not_replayed_to_an_officer_who_was_an_agent(
    client: httpx.AsyncClient, agent: Any, make_subject: MakeSubject, first: dict[str, Any]
) -> None:
    officer = make_subject(
        Role.BRANCH_OFFICER,
        account_id=agent.principal.account_id,
        scope=agent.principal.scope,
    )

    answer = await client.post(PATH, json=first, headers=officer.keyed(KEY))

    assert (answer.status_code, answer.json()["code"]) == (403, "replay_forbidden")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_the_answer_is_not_replayed_to_an_agent_who_lost_the_member(
    client: httpx.AsyncClient, agent: Any, officer: Any, first: dict[str, Any], method: str
) -> None:
    path, sent, headers = PATH, first, agent.keyed(KEY)
    if method == "PATCH":
        path, sent = f"{PATH}/{first['id']}", {"declared_income": 2_000_000}
        headers = {**agent.keyed("key-00000002"), "If-Match": "*"}
        changed = await client.patch(path, json=sent, headers=headers)
        assert changed.status_code == 200, changed.text
    moved = await client.post(
        f"{PATH}/{first['id']}/attributions",
        json={"agent_id": None, "reason": "agent_left"},
        headers=officer.headers,
    )
    assert moved.status_code == 201, moved.text

    answer = await client.request(method, path, json=sent, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")


async def test_a_replay_records_its_own_reading(
    client: httpx.AsyncClient,
    session: AsyncSession,
    payment_service: Any,
    enrol: Callable[..., Awaitable[Member]],
) -> None:
    member = await enrol(session, phone="0812 3456 7890")
    await session.commit()

    answers = [
        await client.post(
            "/v1/member-lookups", json={"nik": member.nik}, headers=payment_service.keyed(KEY)
        )
        for _ in range(2)
    ]

    audits = (await session.scalars(select(ReadAudit).order_by(ReadAudit.id))).all()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    read = ("POST /v1/member-lookups", [member.id])
    assert [(each.kind, each.ids) for each in audits] == [read] * 2
    assert [each.request_id for each in audits] == [
        each.headers["X-Request-Id"] for each in answers
    ]


async def test_the_same_content_written_differently_is_the_same_request(
    client: httpx.AsyncClient, agent: Any, first: dict[str, Any]
) -> None:
    turned = json.dumps(dict(reversed(first.items())), indent=2).replace("S", "\\u0053")

    answer = await client.post(
        PATH, content=turned, headers={**agent.keyed(KEY), "Content-Type": "application/json"}
    )

    assert answer.status_code == 201
    assert answer.headers["Idempotency-Replayed"] == "true"


async def test_other_content_under_the_same_key_is_refused(
    client: httpx.AsyncClient, agent: Any, first: dict[str, Any]
) -> None:
    for other in (
        {**first, "full_name": "Somebody Else"},
        {**first, "programmes": list(reversed(first["programmes"]))},
        {**first, "declared_income": str(first["declared_income"])},
    ):
        answer = await client.post(PATH, json=other, headers=agent.keyed(KEY))

        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
