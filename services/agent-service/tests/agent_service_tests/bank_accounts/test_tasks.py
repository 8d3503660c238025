from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from agent_service.agents.models import Agent, AgentChange
from agent_service.agents.rules import AgentStatus
from agent_service.applications.models import Application
from agent_service.bank_accounts.tasks import Copying
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

TAKEN_OVER = (
    "account_id",
    "member_id",
    "branch_code",
    "region_code",
    "nik",
    "nik_hash",
    "full_name",
    "bank_code",
    "account_no",
    "account_holder_name",
)


async def admit_as_before(database: Database, application_id: str) -> str:
    """Make an agent as the version before does: its account stands in `agents` alone."""
    async with database.begin() as session:
        form = await session.get_one(Application, UUID(application_id))
        agent = Agent(
            id=new_id(),
            agent_code=f"PRS-{application_id[-7:]}",
            application_id=form.id,
            assignment_letter_number="ST/1",
            status=AgentStatus.ACTIVE,
            in_office_since=clock.today(),
            activated_at=clock.now(),
            first_wadah_id=form.wadah_id,
            **{name: getattr(form, name) for name in TAKEN_OVER},
        )
        session.add(agent)
        await session.flush()
        session.add(
            AgentChange(
                id=new_id(),
                agent_id=agent.id,
                to_status=AgentStatus.ACTIVE,
                changed_at=clock.now(),
                changed_by=new_id(),
            )
        )
    return str(agent.id)


async def accounts_of(world: World, agent_id: str) -> list[dict[str, Any]]:
    finance = world.tokens.make(Role.FINANCE_OFFICER, scope={"kind": "country"})
    answer = await world.get("bank-accounts", by=finance, holder_id=agent_id)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_accounts_of_the_version_before_are_copied_once(
    world: World, database: Database, keyring: Keyring, events: Callable[[], Any]
) -> None:
    application = await world.examined()
    agent_id = await admit_as_before(database, application["id"])
    copying = Copying(keyring)

    again = [await copying.run(database) for _ in range(2)]

    (account,) = await accounts_of(world, agent_id)
    assert again == [False, False]
    assert (account["status"], account["is_first"], account["name_match"]) == (
        "current",
        True,
        "match",
    )
    whole = await world.get(f"bank-accounts/{account['id']}/identity", by=world.officer)
    assert whole.json()["account_no"] == "1234567890"
    published = [data for kind, data in await events() if kind == "bank_account.changed.v1"]
    assert [each["bank_account_id"] for each in published] == [account["id"]]


async def test_an_account_that_no_bank_confirmed_is_not_current(
    world: World, database: Database, keyring: Keyring, events: Callable[[], Any]
) -> None:
    application = await world.apply()
    async with database.begin() as session:
        form = await session.get_one(Application, UUID(application["id"]))
        form.member_id = new_id()
    agent_id = await admit_as_before(database, application["id"])

    await Copying(keyring).run(database)

    (account,) = await accounts_of(world, agent_id)
    assert (account["status"], account["name_match"]) == ("rejected", None)
    assert "bank_account.changed.v1" not in [kind for kind, _ in await events()]


@pytest.mark.parametrize("decided", [True, False])
async def test_a_change_before_the_copy_stays_the_current_one(
    world: World, database: Database, keyring: Keyring, decided: bool
) -> None:
    application = await world.examined()
    agent_id = await admit_as_before(database, application["id"])
    body = {
        "agent_id": agent_id,
        "bank_code": "014",
        "account_no": "9876543210",
        "holder_name": "Siti Aminah",
    }
    proposed = await world.ok(
        "bank-accounts", body, by=world.tokens.make(Role.AGENT, agent_id=agent_id)
    )
    if decided:
        await world.ok(f"bank-accounts/{proposed['id']}/verification", by=world.officer)
        path = f"bank-accounts/{proposed['id']}/decision"
        await world.ok(path, {"verdict": "approved"}, by=world.officer)

    await Copying(keyring).run(database)

    found = {each["id"]: each["status"] for each in await accounts_of(world, agent_id)}
    assert found.pop(proposed["id"]) == ("current" if decided else "proposed")
    assert list(found.values()) == (["replaced"] if decided else ["current"])
