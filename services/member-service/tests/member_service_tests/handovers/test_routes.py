"""Hand-overs of a book: preview, hand-over and withdrawal."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.attributions.test_service import at_work, away, to
from member_service_tests.registrations.histories import TERMS

from member_service.attributions import service as attributions
from member_service.coverage.tasks import CoverageTasks
from member_service.members.models import Member
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AgentActivated, AgentDismissed
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
TASKS = CoverageTasks(TERMS)
PATH = "/v1/handovers"


@pytest.fixture(autouse=True)
def march(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 3, 10, 3, 0, tzinfo=UTC))
    return business_time


@pytest.fixture
async def book(database: Database, enrol: Enrol, agent: Any, march: BusinessTime) -> list[Member]:
    async with database.begin() as session:
        own = at_work(AgentActivated, agent_id=agent.principal.agent_id)
        await TASKS.on_agents_decided(session, [own])
        return [await enrol(session) for _ in range(4)]


@pytest.fixture
async def successor(database: Database, book: list[Member]) -> AgentActivated:
    """The successor is one of the members."""
    activated: AgentActivated = at_work(AgentActivated, member_id=book[0].id)
    async with database.begin() as session:
        await TASKS.on_agents_decided(session, [activated])
    return activated


def plan(agent: Any, successor: AgentActivated | None, **more: Any) -> dict[str, Any]:
    return {
        "from_agent_id": str(agent.principal.agent_id),
        "to_agent_id": str(successor.agent_id) if successor else None,
        "reason": "agent_left",
        **more,
    }


async def listed(client: httpx.AsyncClient, reader: Any) -> set[str]:
    answer = await client.get("/v1/members", headers=reader.headers)
    return {each["id"] for each in answer.json()["items"]}


async def test_a_book_is_previewed_handed_over_and_withdrawn(
    client: httpx.AsyncClient,
    database: Database,
    book: list[Member],
    agent: Any,
    officer: Any,
    make_agent: Callable[..., Any],
    successor: AgentActivated,
    march: BusinessTime,
) -> None:
    async with database.begin() as session:
        await attributions.change(
            session,
            member_id=book[1].id,
            new=to(None, from_date=date(2026, 5, 1)),
            officer=officer.principal,
        )
    body = plan(agent, successor, from_date="2026-04-01")
    expected = {"from_date": "2026-04-01", "at_once": False, "member_count": 2}
    skipped = {"handover_planned": 1, "own_membership": 1}

    preview = await client.post(f"{PATH}/preview", json=body, headers=officer.headers)
    body |= {"id": str(new_id())}
    made = await client.post(PATH, json=body, headers=officer.headers)
    again = await client.post(PATH, json=body, headers=officer.headers)

    assert (preview.status_code, preview.json()) == (200, expected | {"skipped": skipped})
    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in expected} == expected
    assert made.json()["skipped"] == skipped
    assert again.json() == made.json()

    march.at(datetime(2026, 4, 1, 3, 0, tzinfo=UTC))
    heir = make_agent(agent_id=successor.agent_id, wadah_id=successor.wadah_id)
    assert await listed(client, heir) == {str(book[2].id), str(book[3].id)}
    assert await listed(client, agent) == {str(book[0].id), str(book[1].id)}
    withdrawal = f"{PATH}/{made.json()['id']}/withdrawal"
    begun = await client.post(withdrawal, json={}, headers=officer.headers)
    assert (begun.status_code, begun.json()["code"]) == (409, "attribution_begun")


async def test_a_planned_hand_over_of_a_book_is_withdrawn_whole(
    client: httpx.AsyncClient,
    book: list[Member],
    agent: Any,
    officer: Any,
    successor: AgentActivated,
    march: BusinessTime,
) -> None:
    body = plan(agent, successor, from_date="2026-04-01")
    made = await client.post(PATH, json=body, headers=officer.headers)
    path = f"{PATH}/{made.json()['id']}"

    answers = [
        await client.post(f"{path}/withdrawal", json={}, headers=officer.headers) for _ in range(2)
    ]
    shown = await client.get(path, headers=officer.headers)

    march.at(datetime(2026, 4, 1, 3, 0, tzinfo=UTC))
    assert [each.status_code for each in answers] == [200, 200]
    assert shown.json()["withdrawn_at"] is not None
    assert await listed(client, agent) == {str(each.id) for each in book}


async def test_the_book_of_a_dismissed_agent_can_still_be_handed_over(
    client: httpx.AsyncClient,
    database: Database,
    book: list[Member],
    agent: Any,
    officer: Any,
    make_agent: Callable[..., Any],
    successor: AgentActivated,
    march: BusinessTime,
) -> None:
    async with database.begin() as session:
        await TASKS.on_agents_decided(session, [away(AgentDismissed, agent.principal.agent_id)])
    march.at(datetime(2026, 3, 15, 3, 0, tzinfo=UTC))

    made = await client.post(PATH, json=plan(agent, successor), headers=officer.headers)

    assert (made.json()["at_once"], made.json()["member_count"]) == (True, 3)
    march.at(datetime(2026, 3, 16, 3, 0, tzinfo=UTC))
    heir = make_agent(agent_id=successor.agent_id, wadah_id=successor.wadah_id)
    assert await listed(client, heir) == {str(each.id) for each in book[1:]}


async def test_only_named_members_in_scope_are_handed_over(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    book: list[Member],
    agent: Any,
    officer: Any,
    make_agent: Callable[..., Any],
) -> None:
    others = make_agent()
    async with database.begin() as session:
        outsider = await enrol(session, by=others)
    ids = [str(book[0].id), str(outsider.id), str(new_id())]

    made = await client.post(PATH, json=plan(agent, None, member_ids=ids), headers=officer.headers)
    none = await client.post(
        PATH, json=plan(agent, None, member_ids=ids[1:]), headers=officer.headers
    )

    assert (made.status_code, made.json()["member_count"]) == (201, 1)
    assert (none.status_code, none.json()["code"]) == (409, "handover_empty")


async def test_an_id_is_used_for_one_hand_over_and_shown_to_officers_in_charge(
    client: httpx.AsyncClient,
    book: list[Member],
    agent: Any,
    officer: Any,
    make_subject: Callable[..., Any],
) -> None:
    body = plan(agent, None, id=str(new_id()))
    made = await client.post(PATH, json=body, headers=officer.headers)
    other = await client.post(PATH, json={**body, "reason": "correction"}, headers=officer.headers)
    outsider = make_subject(*officer.principal.roles)
    hidden = await client.get(f"{PATH}/{made.json()['id']}", headers=outsider.headers)
    refused = await client.post(PATH, json=body, headers=agent.headers)

    assert (other.status_code, other.json()["code"]) == (409, "handover_id_taken")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "handover_not_found")
    assert refused.status_code == 403


async def test_only_an_officer_with_all_members_in_scope_withdraws_a_hand_over(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    book: list[Member],
    agent: Any,
    officer: Any,
    make_subject: Callable[..., Any],
    successor: AgentActivated,
) -> None:
    regional = make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.REGION, "jatim"))
    elsewhere = make_subject(
        Role.AGENT,
        agent_id=agent.principal.agent_id,
        wadah_id=agent.principal.wadah_id,
        scope=Scope(ScopeKind.BRANCH, "jember", "jatim"),
    )
    async with database.begin() as session:
        await enrol(session, by=elsewhere)
    body = plan(agent, successor, from_date="2026-04-01")
    made = await client.post(PATH, json=body, headers=regional.headers)
    path = f"{PATH}/{made.json()['id']}/withdrawal"

    partly = await client.post(path, json={}, headers=officer.headers)
    wholly = await client.post(path, json={}, headers=regional.headers)

    assert made.json()["member_count"] == 4
    assert (partly.status_code, partly.json()["code"]) == (404, "handover_not_found")
    assert (wholly.status_code, wholly.json()["withdrawn_at"] is None) == (200, False)
