"""The names of agents in the list of members, and the database that the list is read from."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select

from member_service.members.models import Member
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import MakeApp, Urls, open_app_client

Enrol = Callable[..., Awaitable[Member]]
ELSEWHERE = Scope(ScopeKind.BRANCH, "jember", "jatim")
COUNTRY = Scope(ScopeKind.COUNTRY)


@pytest.fixture
async def members(database: Database, enrol: Enrol, officer: Any) -> list[Member]:
    """Two members of the usual agent, and one of the branch."""
    async with database.begin() as session:
        return [await enrol(session), await enrol(session), await enrol(session, by=officer)]


@pytest.fixture
def agent_service(wire: Wire) -> list[list[str]]:
    """Let agent-service name every agent; return what it was asked."""
    asked: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["agent_ids"])
        items = [{"agent_id": each, "full_name": "Budi Santoso"} for each in asked[-1]]
        return httpx.Response(200, json={"items": items})

    wire.answer("agent", answer)
    return asked


async def names(client: httpx.AsyncClient, reader: Any) -> list[str | None]:
    answer = await client.get("/v1/members", params={"sort": "enrolled_at"}, headers=reader.headers)
    assert answer.status_code == 200, answer.text
    return [each["agent_name"] for each in answer.json()["items"]]


async def test_an_agent_s_name_is_shown_to_the_offices_the_wadah_and_the_member_only(
    client: httpx.AsyncClient,
    make_subject: Any,
    agent: Any,
    members: list[Member],
    agent_service: list[list[str]],
) -> None:
    readers = {
        "branch officer": make_subject(Role.BRANCH_OFFICER, scope=COUNTRY),
        "finance": make_subject(Role.FINANCE_OFFICER, scope=COUNTRY),
        "admin": make_subject(Role.ADMIN),
        "auditor": make_subject(Role.AUDITOR, scope=COUNTRY),
        "wadah": make_subject(Role.WADAH_ADMIN, wadah_id=agent.principal.wadah_id),
        "agent": agent,
        "member": make_subject(Role.MEMBER, member_id=members[0].id),
        # What an officer knows of Jember says nothing of the country that an auditor reads.
        "officer elsewhere": make_subject(Role.BRANCH_OFFICER, scope=ELSEWHERE),
    }

    seen = {name: await names(client, reader) for name, reader in readers.items()}

    name = "Budi Santoso"
    assert seen == {
        "branch officer": [name, name, None],
        "finance": [name, name, None],
        "admin": [name, name, None],
        "auditor": [None] * 3,
        "wadah": [name, name],
        "agent": [None, None],
        "member": [name],
        "officer elsewhere": [],
    }
    assert agent_service == [[str(agent.principal.agent_id)]] * 5


async def test_a_page_records_once_which_members_and_agents_it_names(
    client: httpx.AsyncClient,
    database: Database,
    officer: Any,
    agent: Any,
    members: list[Member],
    agent_service: list[list[str]],
) -> None:
    await names(client, officer)

    async with database.read() as session:
        rows = (await session.scalars(select(ReadAudit))).all()
    assert [(row.kind, set(row.ids)) for row in rows] == [
        ("GET /v1/members", {agent.principal.agent_id, *(each.id for each in members)})
    ]


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(200, json={"items": [{"agent_id": "?"}]})]
)
async def test_a_list_does_without_names_while_agent_service_is_away(
    client: httpx.AsyncClient,
    officer: Any,
    members: list[Member],
    wire: Wire,
    answer: httpx.Response,
) -> None:
    wire.answer("agent", lambda _: answer)

    assert await names(client, officer) == [None] * 3


async def test_the_list_is_read_on_the_replica_and_changes_on_the_primary(
    own_database: Callable[[str], Urls], make_app: MakeApp, wire: Wire, officer: Any
) -> None:
    urls = own_database("member")
    app = make_app(urls=urls, wire=wire, read_database_url=f"{urls.app}&application_name=replica")
    asked = {}

    async with open_app_client(app) as client:
        for name, query in {
            "list": {},
            "changes": {"updated_since": "2026-01-01T00:00:00Z"},
        }.items():
            before = _count_replica_reads()
            answer = await client.get("/v1/members", params=query, headers=officer.headers)
            assert answer.status_code == 200, answer.text
            assert answer.json()["as_of"]
            asked[name] = _count_replica_reads() - before

    # This replica is a primary, so that the list is read there after all.
    assert asked == {"list": 1, "changes": 0}


def _count_replica_reads() -> float:
    outcomes = ("answered", "late", "away", "promoted", "resting")
    named = ({"outcome": each} for each in outcomes)
    return sum(
        REGISTRY.get_sample_value("perisai_replica_reads_total", each) or 0 for each in named
    )
