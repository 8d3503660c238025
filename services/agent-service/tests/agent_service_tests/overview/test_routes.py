"""The figures of a start page: each sees those of the agents they may see."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from agent_service.activity import queries as activity
from agent_service.activity.rules import Answer
from agent_service.overview import service
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

BEGIN = datetime(2026, 8, 1, 3, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
COUNTRY_OFFICER = Principal(
    account_id=new_id(),
    roles=frozenset({Role.BRANCH_OFFICER}),
    scope=Scope(ScopeKind.COUNTRY),
)


async def see(world: World, by: dict[str, str]) -> dict[str, Any]:
    answer = await world.get("overview/agents", by=by)
    assert answer.status_code == 200, answer.text
    figures: dict[str, Any] = answer.json()
    return figures


async def record(
    database: Database, agent: dict[str, Any], day: date, *, is_acquisition: bool = False
) -> None:
    """Let member-service credit the agent with a payment that counts on a day."""
    answer = Answer(new_id(), 1, UUID(agent["id"]), day, is_acquisition)
    async with database.begin() as session:
        await activity.record_answers(session, [answer])


async def test_figures_are_those_of_the_agents_one_may_see(
    world: World, business_time: BusinessTime
) -> None:
    business_time.at(NOW)
    agent, suspended = await world.agent(), await world.agent()
    reason = {"reason_code": "investigation", "reason": "A complaint"}
    await world.ok(f"agents/{suspended['id']}/suspension", reason, by=world.officer)
    await world.apply(wadah_id=agent["wadah_id"])
    make = world.tokens.make

    office = await see(world, world.officer)
    wadah = await see(world, make(Role.WADAH_ADMIN, wadah_id=agent["wadah_id"]))
    own = await see(world, make(Role.AGENT, agent_id=agent["id"]))
    outside = await see(world, world.outsider)

    assert office["agents"] == {"active": 1, "suspended": 1, "dismissed": 0}
    assert office["waiting_applications"] == {"applied": 1}
    assert wadah["agents"] == {"active": 1, "suspended": 0, "dismissed": 0}
    assert wadah["waiting_applications"] == {"applied": 1}
    assert (own["agents"]["active"], own["waiting_applications"]) == (1, {})
    assert (outside["agents"]["active"], outside["waiting_applications"]) == (0, {})
    refused = await world.get("overview/agents", by=world.applicant())
    assert refused.status_code == 403


@pytest.mark.parametrize("lacking", ["both", "either"])
async def test_agents_without_activity_are_counted_as_their_activity_is_judged(
    *,
    world: World,
    business_time: BusinessTime,
    database: Database,
    make_settings: Any,
    shared_urls: Any,
    lacking: str,
) -> None:
    business_time.at(BEGIN)
    agents = [await world.agent() for _ in range(4)]
    _, august, november, acquired = agents
    business_time.at(NOW)
    newcomer = await world.agent()
    await record(database, august, date(2026, 8, 31))
    await record(database, november, date(2026, 11, 1))
    await record(database, acquired, date(2026, 10, 31), is_acquisition=True)
    settings = make_settings(
        Settings,
        shared_urls,
        member_url="http://member",
        payment_url="http://payment",
        inactivity_lacking=lacking,
    )
    judged = {}
    for agent in (*agents, newcomer):
        shown = await world.get(f"agents/{agent['id']}/activity", by=world.officer)
        verdict = shown.json()["verdict"]
        lacks = [verdict["no_acquisition"], verdict["no_contribution"]]
        is_lacking = all(lacks) if lacking == "both" else any(lacks)
        judged[agent["id"]] = verdict["complete"] and is_lacking

    async with database.read() as session:
        figures = await service.add_up(session, COUNTRY_OFFICER, settings)
    business_time.at(datetime(2026, 12, 1, 3, 0, tzinfo=UTC))
    async with database.read() as session:
        next_month = await service.add_up(session, COUNTRY_OFFICER, settings)

    assert figures.inactive == sum(judged.values())
    # The first, august and acquired have done nothing in November; the newcomer is not judged yet.
    assert figures.idle == 3
    assert figures.nearly_inactive == {"both": 1, "either": 0}[lacking]
    assert next_month.inactive == {"both": 2, "either": 3}[lacking]
