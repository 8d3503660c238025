from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.wadah_moves import service
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Begun, BusinessTime

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}
WHY = {"reason": "Lives nearer to the new wadah."}
APPROVED, REJECTED = {"verdict": "approved", **WHY}, {"verdict": "rejected", **WHY}
NOVEMBER = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
FIRST_DAY = "2026-12-01"
LAST_MINUTE = datetime(2026, 11, 30, 16, 59, tzinfo=UTC)
"""One minute before midnight in Jakarta."""


@pytest.fixture(autouse=True)
def november(begun: Begun, business_time: BusinessTime) -> BusinessTime:
    """An hour after the beginning."""
    business_time.at(NOVEMBER)
    return business_time


def another_officer(world: World) -> dict[str, str]:
    return world.tokens.make(Role.BRANCH_OFFICER, scope=BWI)


def admin_of(world: World, wadah_id: str) -> dict[str, str]:
    return world.tokens.make(Role.WADAH_ADMIN, wadah_id=wadah_id)


def new_move(wadah: dict[str, Any], **differences: Any) -> dict[str, Any]:
    return {"wadah_id": wadah["id"], "from_date": FIRST_DAY, **WHY, **differences}


async def propose(
    world: World, agent: dict[str, Any], wadah: dict[str, Any], *, by: Any = None, **more: Any
) -> dict[str, Any]:
    path = f"agents/{agent['id']}/wadah-moves"
    return await world.ok(path, new_move(wadah, **more), by=by or world.officer)


async def plan(world: World, agent: dict[str, Any], wadah: dict[str, Any]) -> dict[str, Any]:
    proposed = await propose(world, agent, wadah)
    path = f"wadah-moves/{proposed['id']}/decision"
    return await world.ok(path, APPROVED, by=another_officer(world))


async def read_agent(world: World, agent: dict[str, Any], *, by: Any = None) -> dict[str, Any]:
    answer = await world.get(f"agents/{agent['id']}", by=by or world.officer)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read_move(world: World, move: dict[str, Any], *, by: Any = None) -> dict[str, Any]:
    answer = await world.get(f"wadah-moves/{move['id']}", by=by or world.officer)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def list_agents(world: World, *, by: dict[str, str], **filters: Any) -> list[str]:
    answer = await world.get("agents", by=by, **filters)
    return [each["id"] for each in answer.json()["items"]]


async def test_a_move_is_planned_by_two_officers_and_takes_effect_on_its_first_day(
    world: World,
    november: BusinessTime,
    events: Callable[[], Any],
    agent: dict[str, Any],
    other: dict[str, Any],
) -> None:
    proposed = await propose(world, agent, other)
    path = f"wadah-moves/{proposed['id']}/decision"
    planned = await world.ok(path, APPROVED, by=another_officer(world))

    assert (proposed["status"], planned["status"], planned["has_begun"]) == (
        "proposed",
        "approved",
        False,
    )
    assert (planned["from_wadah_id"], planned["wadah_id"]) == (agent["wadah_id"], other["id"])
    assert [(each["to_status"], each["reason"]) for each in planned["history"]] == [
        ("approved", WHY["reason"]),
        ("proposed", WHY["reason"]),
    ]
    kind, data = (await events())[-1]
    assert kind == "agent.wadah_changed.v1"
    assert (data["agent_id"], data["from_wadah_id"], data["wadah_id"], data["from_date"]) == (
        agent["id"],
        agent["wadah_id"],
        other["id"],
        FIRST_DAY,
    )

    november.at(LAST_MINUTE)
    before = await read_agent(world, agent)
    november.at(LAST_MINUTE + timedelta(minutes=1))
    after = await read_agent(world, agent)

    assert before["wadah_id"] == agent["wadah_id"]
    assert before["planned_wadah_move"] == {
        "id": planned["id"],
        "wadah_id": other["id"],
        "from_date": FIRST_DAY,
    }
    assert (after["wadah_id"], after["planned_wadah_move"]) == (other["id"], None)
    assert (await read_move(world, planned))["has_begun"] is True


async def test_the_administrators_see_the_agent_by_day(
    world: World, november: BusinessTime, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    await plan(world, agent, other)
    old, new = admin_of(world, agent["wadah_id"]), admin_of(world, other["id"])

    async def see() -> tuple[list[str], list[str], list[str], list[str]]:
        return (
            await list_agents(world, by=old),
            await list_agents(world, by=new),
            await list_agents(world, by=world.officer, wadah_id=agent["wadah_id"]),
            await list_agents(world, by=world.officer, wadah_id=other["id"]),
        )

    november.at(LAST_MINUTE)
    assert await see() == ([agent["id"]], [], [agent["id"]], [])
    november.at(LAST_MINUTE + timedelta(minutes=1))
    assert await see() == ([], [agent["id"]], [], [agent["id"]])
    assert (await world.get(f"agents/{agent['id']}", by=old)).status_code == 404
    assert (await read_agent(world, agent, by=new))["full_name"] == agent["full_name"]


async def test_the_administrator_of_the_new_wadah_proposes_and_an_officer_decides(
    world: World, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    by = admin_of(world, other["id"])

    proposed = await propose(world, agent, other, by=by)
    own = await world.post(f"wadah-moves/{proposed['id']}/decision", APPROVED, by=by)
    planned = await world.ok(f"wadah-moves/{proposed['id']}/decision", APPROVED, by=world.officer)

    assert own.status_code == 403
    assert planned["status"] == "approved"
    assert (await read_move(world, planned, by=by))["id"] == planned["id"]
    # The agent is not theirs yet.
    assert (await world.get(f"agents/{agent['id']}", by=by)).status_code == 404


async def test_nobody_proposes_for_a_wadah_or_an_agent_outside_their_reach(
    world: World, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    path = f"agents/{agent['id']}/wadah-moves"
    foreign = admin_of(world, str(new_id()))

    by_old = await world.post(path, new_move(other), by=admin_of(world, agent["wadah_id"]))
    by_third = await world.post(path, new_move(other), by=foreign)
    by_outsider = await world.post(path, new_move(other), by=world.outsider)
    by_agent = await world.post(
        path, new_move(other), by=world.tokens.make(Role.AGENT, agent_id=agent["id"])
    )

    for answer in (by_old, by_third, by_outsider):
        assert (answer.status_code, answer.json()["code"]) == (404, "wadah_not_found")
    assert by_agent.status_code == 403


async def test_an_agent_moves_within_the_branch_only(world: World, agent: dict[str, Any]) -> None:
    await world.branch("SBY")
    elsewhere = await world.ok("wadahs", world.new_wadah(branch_code="SBY"), by=world.admin)
    region = world.tokens.make(Role.BRANCH_OFFICER, scope={"kind": "region", "code": "JATIM"})
    path = f"agents/{agent['id']}/wadah-moves"

    by_region = await world.post(path, new_move(elsewhere), by=region)
    by_its_admin = await world.post(path, new_move(elsewhere), by=admin_of(world, elsewhere["id"]))

    assert (by_region.status_code, by_region.json()["code"]) == (409, "wadah_of_another_branch")
    assert (by_its_admin.status_code, by_its_admin.json()["code"]) == (404, "agent_not_found")


async def test_nobody_approves_an_own_proposal_or_an_own_move(
    world: World, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    proposed = await propose(world, agent, other)
    path = f"wadah-moves/{proposed['id']}/decision"
    is_the_agent = world.tokens.make(Role.BRANCH_OFFICER, scope=BWI, member_id=agent["member_id"])

    own = await world.post(path, APPROVED, by=world.officer)
    about_self = await world.post(path, APPROVED, by=is_the_agent)
    rejected = await world.ok(path, REJECTED, by=world.officer)
    again = await world.post(path, APPROVED, by=another_officer(world))

    assert (own.status_code, own.json()["code"]) == (403, "own_wadah_move_proposal")
    assert (about_self.status_code, about_self.json()["code"]) == (403, "own_case")
    assert rejected["status"] == "rejected"
    assert (again.status_code, again.json()["code"]) == (409, "wadah_move_decided")


async def test_an_agent_has_one_move_at_a_time(
    world: World, november: BusinessTime, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    third = await world.wadah()
    path = f"agents/{agent['id']}/wadah-moves"
    proposed = await propose(world, agent, other)

    while_proposed = await world.post(path, new_move(third), by=world.officer)
    await world.ok(f"wadah-moves/{proposed['id']}/decision", APPROVED, by=another_officer(world))
    while_planned = await world.post(path, new_move(third), by=world.officer)
    november.at(LAST_MINUTE + timedelta(minutes=1))
    afterwards = await propose(world, agent, third, from_date="2027-01-01")

    for answer, status in ((while_proposed, "proposed"), (while_planned, "approved")):
        assert (answer.status_code, answer.json()["code"]) == (409, "wadah_move_open")
        assert answer.json()["details"] == {"wadah_move_id": proposed["id"], "status": status}
    assert afterwards["from_wadah_id"] == other["id"]


async def test_a_move_needs_another_wadah_with_an_agreement_for_the_first_day(
    world: World, agent: dict[str, Any]
) -> None:
    own = {"id": agent["wadah_id"]}
    days = {"number": "PKS/2/2026", "starts_on": "2026-01-01", "ends_on": "2026-11-30"}
    ending = await world.wadah(agreement=days)
    terminated = await world.wadah()
    end = {"reason_code": "other", "reason": "Ended."}
    await world.ok(f"wadahs/{terminated['id']}/termination", end, by=world.admin)
    path = f"agents/{agent['id']}/wadah-moves"

    to_own = await world.post(path, new_move(own), by=world.officer)
    to_ending = await world.post(path, new_move(ending), by=world.officer)
    to_terminated = await world.post(path, new_move(terminated), by=world.officer)

    assert to_own.json()["code"] == "wadah_unchanged"
    assert (to_ending.json()["code"], to_ending.json()["details"]) == (
        "wadah_not_active_then",
        {"reason": "no_agreement_in_force"},
    )
    assert to_terminated.json()["details"] == {"reason": "terminated"}


async def test_the_agents_of_both_wadahs_are_counted_when_the_move_has_begun(
    world: World,
    november: BusinessTime,
    session: AsyncSession,
    agent: dict[str, Any],
    other: dict[str, Any],
) -> None:
    await plan(world, agent, other)

    async def counts() -> list[int]:
        found = []
        for wadah_id in (agent["wadah_id"], other["id"]):
            answer = await world.get(f"wadahs/{wadah_id}", by=world.officer)
            found.append(answer.json()["agent_count"])
        return found

    assert await service.count_begun(session, 10) == 0
    assert await counts() == [1, 0]
    november.at(LAST_MINUTE + timedelta(minutes=1))
    assert await service.count_begun(session, 10) == 1
    assert await service.count_begun(session, 10) == 0
    assert await counts() == [0, 1]


async def test_moves_are_listed_to_those_whom_they_concern(
    world: World, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    third = await world.wadah()
    planned = await plan(world, agent, other)
    readers = {
        "old": admin_of(world, agent["wadah_id"]),
        "new": admin_of(world, other["id"]),
        "third": admin_of(world, third["id"]),
        "agent": world.tokens.make(
            Role.AGENT, agent_id=agent["id"], wadah_id=agent["wadah_id"], scope=BWI
        ),
        "officer": world.officer,
        "outsider": world.outsider,
    }

    seen = {}
    for name, by in readers.items():
        answer = await world.get("wadah-moves", by=by, status="approved", agent_id=agent["id"])
        seen[name] = [each["id"] for each in answer.json()["items"]] == [planned["id"]]

    assert seen == {
        "old": True,
        "new": True,
        "third": False,
        "agent": True,
        "officer": True,
        "outsider": False,
    }
