"""Names of agents, whole for the services that show them to those they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.services.names.agents import MAX_NAMES

if TYPE_CHECKING:
    from agent_service_tests.conftest import World


async def ask(world: World, *agent_ids: Any) -> Any:
    by = world.tokens.make(Role.SERVICE)
    body = {"agent_ids": [str(agent_id) for agent_id in agent_ids]}
    return await world.post("agent-names", body, by=by)


async def test_a_service_gets_whole_names_and_its_reading_is_recorded_once(
    world: World, database: Database
) -> None:
    first, second = await world.agent(), await world.agent()
    account_id = new_id()
    by = world.tokens.make(Role.SERVICE, account_id=account_id)
    body = {"agent_ids": [second["id"], str(new_id()), first["id"]]}

    answer = await world.post("agent-names", body, by=by)

    assert answer.status_code == 200
    assert answer.json()["items"] == [
        {"agent_id": each["id"], "agent_code": each["agent_code"], "full_name": "Siti Aminah"}
        for each in (first, second)
    ]
    async with database.read() as session:
        own = select(ReadAudit).where(ReadAudit.account_id == account_id)
        (row,) = (await session.scalars(own)).all()
    assert row.kind == "POST /v1/agent-names"
    read = {str(each) for each in row.ids}
    assert {id_ for each in (first, second) for id_ in (each["id"], each["member_id"])} < read
    assert len(read) == 5, "two agents and their accounts, who are one member here"


async def test_unknown_ids_have_no_names(world: World) -> None:
    answer = await ask(world, new_id(), new_id())

    assert (answer.status_code, answer.json()) == (200, {"items": []})


async def test_a_look_up_is_as_long_as_a_page_at_most(world: World) -> None:
    one = new_id()

    whole = await ask(world, *(new_id() for _ in range(MAX_NAMES)))
    refused = [
        await ask(world, *(new_id() for _ in range(MAX_NAMES + 1))),
        await ask(world),
        await ask(world, one, one),
    ]

    assert whole.status_code == 200
    assert [answer.status_code for answer in refused] == [422, 422, 422]


async def test_agents_read_their_own_record_with_the_whole_name(world: World) -> None:
    agent = await world.agent()
    own = world.tokens.make(Role.AGENT, agent_id=agent["id"])

    answer = await world.get("me/agent", by=own)
    nobody = await world.get("me/agent", by=world.tokens.make(Role.AGENT, agent_id=new_id()))
    unlinked = await world.get("me/agent", by=world.tokens.make(Role.AGENT))
    member = await world.get("me/agent", by=world.applicant())

    shown = answer.json()
    assert (shown["id"], shown["full_name"]) == (agent["id"], "Siti Aminah")
    assert [each.status_code for each in (nobody, unlinked, member)] == [404, 404, 403]
