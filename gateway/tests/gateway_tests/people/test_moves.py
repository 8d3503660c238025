"""The tokens of an agent name the wadah of the day."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from gateway_tests.gateways import claims

from gateway.people import tasks
from gateway.sessions.rules import find_token_life
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentWadahChangeCancelled,
    AgentWadahChanged,
)
from perisai_kit.testing.plugin import BusinessTime

DECEMBER = Month(2026, 12).first_day
MIDNIGHT = midnight(DECEMBER)
SECOND = timedelta(seconds=1)


class Agent:
    """An agent who is signed in, and the move to another wadah."""

    def __init__(self, gateway: Any, session: dict[str, Any]) -> None:
        self.gateway = gateway
        self.refresh_token = session["refresh_token"]
        self.account_id = uuid.UUID(session["account_id"])
        self.wadah_id, self.new_wadah_id = new_id(), new_id()
        agent_id = new_id()
        self.activated = AgentActivated(
            agent_id=agent_id,
            account_id=self.account_id,
            member_id=new_id(),
            wadah_id=self.wadah_id,
            branch_code="banyuwangi",
            region_code="jatim",
            agent_code="A-1",
            decided_at=clock.now(),
        )
        self.move = AgentWadahChanged(
            move_id=new_id(),
            agent_id=agent_id,
            from_wadah_id=self.wadah_id,
            wadah_id=self.new_wadah_id,
            from_date=DECEMBER,
            decided_at=clock.now(),
        )

    async def hear(self, *events: Any) -> None:
        async with self.gateway.parts.database.begin() as session:
            await tasks.on_agents_moved(session, events)

    async def refresh(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the answer with a fresh token, and its claims."""
        answer = (await self.gateway.refresh(self.refresh_token)).json()
        self.refresh_token = answer["refresh_token"]
        return answer, claims(answer)


@pytest.fixture
async def agent(gateway: Any, business_time: BusinessTime) -> Agent:
    business_time.at(MIDNIGHT - timedelta(days=9))
    made = Agent(gateway, await gateway.otp_session())
    async with gateway.parts.database.begin() as session:
        await tasks.on_agents_decided(session, [made.activated])
    return made


async def test_a_token_names_the_new_wadah_from_the_first_day_on(
    agent: Agent, business_time: BusinessTime
) -> None:
    await agent.hear(agent.move)
    business_time.at(MIDNIGHT - SECOND)
    _, before = await agent.refresh()
    business_time.at(MIDNIGHT)
    _, after = await agent.refresh()

    assert before["wadah_id"] == str(agent.wadah_id)
    assert after["wadah_id"] == str(agent.new_wadah_id)


async def test_a_token_ends_before_it_would_name_the_wadah_of_yesterday(
    agent: Agent, business_time: BusinessTime
) -> None:
    usual = agent.gateway.parts.settings.access_token_s
    await agent.hear(agent.move)
    business_time.at(MIDNIGHT - timedelta(seconds=usual // 2))

    answer, claims = await agent.refresh()

    assert 0 < claims["exp"] - claims["iat"] <= usual // 2
    assert answer["expires_in"] == claims["exp"] - claims["iat"]


@pytest.mark.parametrize("is_cancelled_first", [True, False])
async def test_a_cancelled_move_leaves_the_wadah_in_any_order(
    agent: Agent, business_time: BusinessTime, is_cancelled_first: bool
) -> None:
    end = AgentWadahChangeCancelled(**agent.move.model_dump(), reason_code="withdrawn")
    for event in (end, agent.move) if is_cancelled_first else (agent.move, end):
        await agent.hear(event)
    await agent.hear(agent.move, end)
    business_time.at(MIDNIGHT)

    answer, claims = await agent.refresh()

    assert claims["wadah_id"] == str(agent.wadah_id)
    assert answer["expires_in"] == agent.gateway.parts.settings.access_token_s


@pytest.mark.parametrize(
    ("ends_in", "expected"), [(None, 600), (3600, 600), (600, 600), (599, 599), (0.4, 1)]
)
def test_a_token_lives_until_the_wadah_changes_at_most(
    ends_in: float | None, expected: int
) -> None:
    now = datetime.fromisoformat("2026-11-30T23:50:00+07:00")
    ends_at = None if ends_in is None else now + timedelta(seconds=ends_in)

    assert find_token_life(600, wadah_ends_at=ends_at, now=now) == expected
