from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.auth.principal import Role

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}
NPWP = "01.234.567.8-901.000"
DIGITS = "012345678901000"
APPROVED = {"verdict": "approved"}


def identity(**differences: Any) -> dict[str, Any]:
    return {"npwp": NPWP, "holds_from": "2026-01-01", **differences}


async def decide(world: World, proposed: dict[str, Any], *, by: Any = None) -> dict[str, Any]:
    path = f"tax-identities/{proposed['id']}/decision"
    return await world.ok(path, APPROVED, by=by or world.officer)


async def test_an_agent_proposes_and_an_officer_decides(
    world: World, events: Callable[[], Any]
) -> None:
    agent = await world.agent()
    by = world.tokens.make(Role.AGENT, agent_id=agent["id"])
    body = identity(agent_id=agent["id"], nik_status="valid")

    proposed = await world.ok("tax-identities", body, by=by)
    before = (await events())[-1][0]
    decided = await decide(world, proposed)

    assert (proposed["status"], proposed["npwp"]) == ("proposed", "***********1000")
    assert (decided["status"], decided["nik_status"]) == ("approved", "valid")
    assert before != "tax_identity.changed.v1"
    kind, data = (await events())[-1]
    assert (kind, data["tax_identity_id"], data["holds_from"]) == (
        "tax_identity.changed.v1",
        decided["id"],
        "2026-01-01",
    )
    assert DIGITS not in str(data)


async def test_a_wadah_has_an_npwp_and_no_nik(world: World) -> None:
    wadah = await world.wadah()
    by = world.tokens.make(Role.WADAH_ADMIN, wadah_id=wadah["id"])

    misplaced = await world.post(
        "tax-identities", identity(wadah_id=wadah["id"], nik_status="valid"), by=by
    )
    proposed = await world.ok("tax-identities", identity(wadah_id=wadah["id"]), by=by)

    assert (misplaced.status_code, misplaced.json()["code"]) == (422, "nik_status_misplaced")
    assert (proposed["holder_kind"], proposed["nik_status"]) == ("wadah", None)


@pytest.mark.parametrize("npwp", ["12345", "01.234.567.8-901.00X", "0" * 16])
async def test_what_is_no_npwp_is_refused_without_being_shown(world: World, npwp: str) -> None:
    agent = await world.agent()

    answer = await world.post(
        "tax-identities", identity(agent_id=agent["id"], npwp=npwp), by=world.officer
    )

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/npwp"]
    assert npwp not in answer.text


async def test_nobody_approves_an_own_proposal_and_one_is_open_at_a_time(world: World) -> None:
    agent = await world.agent()
    body = identity(agent_id=agent["id"])
    proposed = await world.ok("tax-identities", body, by=world.officer)

    second = await world.post("tax-identities", body, by=world.officer)
    own = await world.post(f"tax-identities/{proposed['id']}/decision", APPROVED, by=world.officer)
    other = await decide(world, proposed, by=world.tokens.make(Role.BRANCH_OFFICER, scope=BWI))
    again = await world.post(
        f"tax-identities/{proposed['id']}/decision", APPROVED, by=world.officer
    )

    assert (second.status_code, second.json()["code"]) == (409, "tax_identity_proposal_open")
    assert (own.status_code, own.json()["code"]) == (403, "own_tax_identity_proposal")
    assert (other["status"], again.json()["code"]) == ("approved", "tax_identity_decided")


async def test_outsiders_see_nothing(world: World) -> None:
    agent = await world.agent()
    proposed = await world.ok("tax-identities", identity(agent_id=agent["id"]), by=world.officer)
    path = f"tax-identities/{proposed['id']}"

    listed = await world.get("tax-identities", by=world.outsider, holder_id=agent["id"])
    number = await world.get(f"{path}/identity", by=world.outsider)
    decided = await world.post(f"{path}/decision", APPROVED, by=world.outsider)
    seen = await world.get(f"{path}/identity", by=world.officer)

    assert listed.json()["items"] == []
    assert {each.json()["code"] for each in (number, decided)} == {"tax_identity_not_found"}
    assert seen.json() == {"id": proposed["id"], "npwp": DIGITS}
