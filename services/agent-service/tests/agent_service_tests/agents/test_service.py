from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.testing.plugin import MakeApp, Tokens, Urls, Wire, open_app_client

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

pytestmark = pytest.mark.race

SUSPENSION = {"reason_code": "investigation", "reason": "Members complain"}
DISMISSAL = {"reason_code": "fraud", "reason": "Kept contributions"}
BACK = {"reason": "Cleared"}


@pytest.fixture
async def apart(
    world: World,
    own_database: Callable[[str], Urls],
    make_app: MakeApp,
    wire: Wire,
    tokens: Tokens,
) -> AsyncIterator[World]:
    """The world on a separate database, where requests really run at the same time."""
    async with open_app_client(make_app(urls=own_database("agent"), wire=wire)) as client:
        world.client = client
        yield world


async def at_once(world: World, agent: dict[str, Any], *steps: tuple[str, Any]) -> Counter[int]:
    answers = await asyncio.gather(
        *(
            world.post(f"agents/{agent['id']}/{step}", body, by=world.officer)
            for step, body in steps
        )
    )
    return Counter(each.status_code for each in answers)


async def test_one_agent_is_suspended_once(apart: World) -> None:
    agent = await apart.agent()

    ended = await at_once(apart, agent, *[("suspension", SUSPENSION)] * 5)

    seen = (await apart.get(f"agents/{agent['id']}", by=apart.officer)).json()
    assert ended == {200: 1, 409: 4}
    assert [each["to_status"] for each in seen["history"]] == ["suspended", "active"]


async def test_concurrent_decisions_end_in_one_history(apart: World) -> None:
    agent = await apart.agent()

    await at_once(
        apart,
        agent,
        ("suspension", SUSPENSION),
        ("dismissal", DISMISSAL),
        ("reinstatement", BACK),
        ("suspension", SUSPENSION),
        ("dismissal", DISMISSAL),
    )

    seen = (await apart.get(f"agents/{agent['id']}", by=apart.officer)).json()
    history = list(reversed(seen["history"]))
    assert seen["status"] == "dismissed"
    assert [each["from_status"] for each in history[1:]] == [
        each["to_status"] for each in history[:-1]
    ]


async def test_two_agents_of_one_wadah_may_change_at_once(apart: World) -> None:
    wadah = await apart.wadah()
    agents = [await apart.agent(wadah_id=wadah["id"]) for _ in range(4)]

    answers = await asyncio.gather(
        *(
            apart.post(f"agents/{agent['id']}/suspension", SUSPENSION, by=apart.officer)
            for agent in agents[:3]
        )
    )

    seen = (await apart.get(f"wadahs/{wadah['id']}", by=apart.officer)).json()
    assert [each.status_code for each in answers] == [200] * 3
    assert seen["agent_count"] == 1
