from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}


async def tax(world: World, agent_id: str, **identity: Any) -> dict[str, Any]:
    body = {"agent_id": agent_id, **identity}
    proposed = await world.ok("tax-identities", body, by=world.officer)
    return await world.ok(
        f"tax-identities/{proposed['id']}/decision",
        {"verdict": "approved"},
        by=world.tokens.make(Role.BRANCH_OFFICER, scope=BWI),
    )


async def test_a_service_reads_where_to_pay_and_what_holds_for_tax(
    world: World, database: Database
) -> None:
    agent = await world.agent()
    await tax(world, agent["id"], holds_from="2024-01-01", nik_status="invalid")
    await tax(world, agent["id"], holds_from="2026-03-01", nik_status="valid")
    ids = [agent["id"], agent["wadah_id"], str(new_id())]
    service = world.tokens.make(Role.SERVICE)

    then = await world.ok("payees", {"holder_ids": ids, "on": "2026-02-28"}, by=service)
    now = await world.ok("payees", {"holder_ids": ids, "on": "2026-03-01"}, by=service)

    by_id = {each["holder_id"]: each for each in now["items"]}
    assert by_id.keys() == {agent["id"], agent["wadah_id"]}
    account = by_id[agent["id"]]["account"]
    assert (account["account_no"], account["holder_name"]) == ("1234567890", "SITI AMINAH")
    assert (account["name_match"], account["payouts_frozen_until"]) == ("match", None)
    statuses = [
        next(each for each in answer["items"] if each["holder_id"] == agent["id"])["tax"]
        for answer in (then, now)
    ]
    assert [each["nik_status"] for each in statuses] == ["invalid", "valid"]
    wadah = by_id[agent["wadah_id"]]
    assert (wadah["holder_kind"], wadah["legal_entity"]) == ("wadah", False)
    assert (wadah["account"], wadah["tax"]) == (None, None)
    async with database.read() as session:
        kind = "POST /v1/payees"
        audits = (await session.scalars(select(ReadAudit).where(ReadAudit.kind == kind))).all()
    assert len(audits) == 2
    assert all(agent["id"] in {str(each) for each in audit.ids} for audit in audits)


async def test_nobody_else_reads_it(world: World) -> None:
    agent = await world.agent()
    body = {"holder_ids": [agent["id"]]}

    answers = [
        await world.post("payees", body, by=world.tokens.make(role, scope={"kind": "country"}))
        for role in set(Role) - {Role.SERVICE}
    ]

    assert {each.status_code for each in answers} == {403}
