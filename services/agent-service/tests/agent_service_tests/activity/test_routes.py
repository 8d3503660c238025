from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def test_an_agent_who_did_nothing_for_three_months_counts_as_inactive(
    world: World, business_time: BusinessTime
) -> None:
    business_time.at(datetime(2026, 8, 1, 3, 0, tzinfo=UTC))
    agent = await world.agent()
    business_time.at(NOW)

    activity = (await world.get(f"agents/{agent['id']}/activity", by=world.officer)).json()

    assert [each["month"] for each in activity["months"]][-2:] == ["2026-10", "2026-11"]
    assert len(activity["months"]) == 12
    assert activity["verdict"] == {
        "window": ["2026-08", "2026-09", "2026-10"],
        "lacking": "both",
        "complete": True,
        "no_acquisition": True,
        "no_contribution": True,
        "inactive": True,
    }


async def test_a_new_agent_does_not_count_as_inactive(world: World) -> None:
    agent = await world.agent()

    answer = await world.get(f"agents/{agent['id']}/activity", by=world.officer, months=1)

    assert len(answer.json()["months"]) == 1
    assert answer.json()["verdict"]["inactive"] is False
    assert answer.json()["verdict"]["complete"] is False


async def test_agents_see_their_own_activity(world: World) -> None:
    account_id = new_id()
    agent = await world.agent(by=world.applicant(account_id=account_id))
    own = world.tokens.make(Role.AGENT, account_id=account_id, agent_id=agent["id"])
    other = world.tokens.make(Role.AGENT, agent_id=new_id())

    answers = [await world.get(f"agents/{agent['id']}/activity", by=by) for by in (own, other)]

    assert [each.status_code for each in answers] == [200, 404]


@pytest.mark.parametrize("months", [0, 37, 10**20, "many"])
async def test_the_number_of_months_is_bounded(world: World, months: Any) -> None:
    answer = await world.get(f"agents/{new_id()}/activity", by=world.officer, months=months)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "months"
