from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.auth.principal import Role
from perisai_kit.testing.plugin import MakeApp, Tokens, Urls, Wire, open_app_client

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

pytestmark = pytest.mark.race

BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}
CHANGED = {"bank_code": "014", "account_no": "9876543210", "holder_name": "SITI AMINAH"}
APPROVED = {"verdict": "approved"}


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


async def propose(world: World, agent: dict[str, Any]) -> Any:
    body = {**CHANGED, "agent_id": agent["id"]}
    return await world.post("bank-accounts", body, by=world.officer)


async def statuses(world: World, agent: dict[str, Any]) -> list[str]:
    answer = await world.get("bank-accounts", by=world.officer, holder_id=agent["id"])
    return [each["status"] for each in answer.json()["items"]]


async def test_one_of_several_proposals_at_once_is_taken(apart: World) -> None:
    agent = await apart.agent()

    answers = await asyncio.gather(*(propose(apart, agent) for _ in range(4)))

    assert Counter(each.status_code for each in answers) == {201: 1, 409: 3}
    assert await statuses(apart, agent) == ["proposed", "current"]


async def test_an_account_is_approved_once(apart: World) -> None:
    agent = await apart.agent()
    proposed = (await propose(apart, agent)).json()
    await apart.ok(f"bank-accounts/{proposed['id']}/verification", by=apart.officer)
    officers = [apart.tokens.make(Role.BRANCH_OFFICER, scope=BWI) for _ in range(4)]

    answers = await asyncio.gather(
        *(
            apart.post(f"bank-accounts/{proposed['id']}/decision", APPROVED, by=each)
            for each in officers
        )
    )

    assert Counter(each.status_code for each in answers) == {200: 1, 409: 3}
    assert await statuses(apart, agent) == ["current", "replaced"]
