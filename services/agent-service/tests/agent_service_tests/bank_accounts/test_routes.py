from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

CHANGED = {"bank_code": "014", "account_no": "9876543210", "holder_name": "SITI AMINAH"}
BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}
APPROVED, REJECTED = {"verdict": "approved"}, {"verdict": "rejected"}


def agent_of(world: World, agent: dict[str, Any]) -> dict[str, str]:
    return world.tokens.make(Role.AGENT, agent_id=agent["id"], wadah_id=agent["wadah_id"])


def another_officer(world: World) -> dict[str, str]:
    return world.tokens.make(Role.BRANCH_OFFICER, scope=BWI)


async def propose(world: World, *, by: dict[str, str], **holder: Any) -> dict[str, Any]:
    return await world.ok("bank-accounts", {**CHANGED, **holder}, by=by)


async def verify(world: World, account: dict[str, Any], *, by: Any = None) -> dict[str, Any]:
    path = f"bank-accounts/{account['id']}/verification"
    return await world.ok(path, by=by or world.officer)


async def list_of(world: World, holder_id: str, *, by: Any = None) -> list[dict[str, Any]]:
    answer = await world.get("bank-accounts", by=by or world.officer, holder_id=holder_id)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_the_first_account_comes_from_the_approved_application_and_is_not_frozen(
    world: World, events: Callable[[], Any], agent: dict[str, Any]
) -> None:
    (first,) = await list_of(world, agent["id"])

    assert (first["status"], first["is_first"], first["name_match"]) == ("current", True, "match")
    assert (first["account_no"], first["holder_name"]) == ("******7890", "S*** A***")
    assert first["payouts_frozen_until"] is None
    assert first["verified_at"] is not None
    kind, data = (await events())[-1]
    assert (kind, data["holder_kind"], data["holder_id"], data["bank_account_id"]) == (
        "bank_account.changed.v1",
        "agent",
        agent["id"],
        first["id"],
    )
    assert data["payouts_frozen_until"] is None


async def test_the_holder_reads_the_own_name_whole_and_others_masked(
    world: World, agent: dict[str, Any]
) -> None:
    wadah_id = agent["wadah_id"]
    admin = world.tokens.make(Role.WADAH_ADMIN, wadah_id=wadah_id)
    treasurer = {**CHANGED, "holder_name": "Bendahara Nelayan", "wadah_id": wadah_id}
    of_wadah = await world.ok("bank-accounts", treasurer, by=admin)

    async def name(holder_id: str, by: dict[str, str]) -> str:
        (account,) = await list_of(world, holder_id, by=by)
        one = await world.get(f"bank-accounts/{account['id']}", by=by)
        assert one.json() == account
        holder: str = account["holder_name"]
        return holder

    assert of_wadah["holder_name"] == "Bendahara Nelayan"
    assert await name(agent["id"], agent_of(world, agent)) == "SITI AMINAH"
    assert await name(agent["id"], admin) == "S*** A***"
    assert await name(agent["id"], world.officer) == "S*** A***"
    assert await name(wadah_id, admin) == "Bendahara Nelayan"
    assert await name(wadah_id, world.officer) == "B*** N***"


async def test_an_agent_changes_the_account_and_an_officer_decides(
    world: World, events: Callable[[], Any], agent: dict[str, Any]
) -> None:
    by = agent_of(world, agent)
    proposed = await propose(world, by=by, agent_id=agent["id"])
    verified = await verify(world, proposed, by=by)

    path = f"bank-accounts/{proposed['id']}/decision"
    decided = await world.ok(path, APPROVED, by=world.officer)

    assert (proposed["status"], proposed["name_match"]) == ("proposed", None)
    assert (verified["status"], verified["name_match"]) == ("proposed", "match")
    assert decided["status"] == "current"
    frozen = datetime.fromisoformat(decided["payouts_frozen_until"])
    assert frozen - datetime.fromisoformat(decided["decided_at"]) == timedelta(hours=72)
    now, before = await list_of(world, agent["id"])
    assert (now["id"], now["status"], before["status"]) == (decided["id"], "current", "replaced")
    kind, data = (await events())[-1]
    assert (kind, data["bank_account_id"]) == ("bank_account.changed.v1", decided["id"])
    assert datetime.fromisoformat(data["payouts_frozen_until"]) == frozen
    assert "9876543210" not in str(data)


async def test_an_account_of_a_wadah_is_proposed_by_its_administrator(world: World) -> None:
    wadah = await world.wadah()
    by = world.tokens.make(Role.WADAH_ADMIN, wadah_id=wadah["id"])
    body = {**CHANGED, "holder_name": "Bendahara Nelayan", "wadah_id": wadah["id"]}
    proposed = await world.ok("bank-accounts", body, by=by)
    await verify(world, proposed, by=by)

    decided = await world.ok(f"bank-accounts/{proposed['id']}/decision", APPROVED, by=world.officer)

    assert (decided["holder_kind"], decided["status"]) == ("wadah", "current")
    assert decided["payouts_frozen_until"] is not None


async def test_nobody_approves_an_own_proposal(world: World, agent: dict[str, Any]) -> None:
    proposed = await propose(world, by=world.officer, agent_id=agent["id"])
    await verify(world, proposed)
    path = f"bank-accounts/{proposed['id']}/decision"

    own = await world.post(path, APPROVED, by=world.officer)
    other = await world.post(path, APPROVED, by=another_officer(world))
    again = await world.post(path, APPROVED, by=another_officer(world))

    assert (own.status_code, own.json()["code"]) == (403, "own_bank_account_proposal")
    assert other.status_code == 200
    assert (again.status_code, again.json()["code"]) == (409, "bank_account_decided")


async def test_an_officer_who_is_the_agent_does_not_decide(
    world: World, agent: dict[str, Any]
) -> None:
    proposed = await propose(world, by=agent_of(world, agent), agent_id=agent["id"])
    await verify(world, proposed)
    oneself = world.tokens.make(Role.BRANCH_OFFICER, scope=BWI, member_id=agent["member_id"])

    answer = await world.post(f"bank-accounts/{proposed['id']}/decision", APPROVED, by=oneself)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_case")


@pytest.mark.parametrize(
    ("account", "name_match"),
    [
        ({"designated": True, "outcome": "mismatch"}, "mismatch"),
        ({"designated": True, "outcome": "not_found"}, "not_found"),
        ({"designated": False, "outcome": "match"}, "not_designated"),
        ({"designated": True, "outcome": "unknown"}, "unknown"),
    ],
)
async def test_an_account_that_the_bank_does_not_confirm_is_not_approved(
    world: World, account: dict[str, Any], name_match: str, agent: dict[str, Any]
) -> None:
    proposed = await propose(world, by=agent_of(world, agent), agent_id=agent["id"])
    world.neighbours.account = account

    verified = await verify(world, proposed)
    path = f"bank-accounts/{proposed['id']}/decision"
    refused = await world.post(path, APPROVED, by=world.officer)
    rejected = await world.ok(path, REJECTED, by=world.officer)

    assert verified["name_match"] == name_match
    assert (refused.status_code, refused.json()["code"]) == (409, "bank_account_unverified")
    assert refused.json()["details"] == {"name_match": name_match}
    assert (rejected["status"], rejected["payouts_frozen_until"]) == ("rejected", None)
    assert [each["status"] for each in await list_of(world, agent["id"])] == [
        "rejected",
        "current",
    ]


@pytest.mark.parametrize("status", [503, 504])
async def test_a_silent_bank_is_asked_again(
    world: World, status: int, agent: dict[str, Any]
) -> None:
    proposed = await propose(world, by=agent_of(world, agent), agent_id=agent["id"])
    world.neighbours.payment_status = status
    silent = await verify(world, proposed)
    world.neighbours.payment_status = 200

    answered = await verify(world, proposed)
    world.neighbours.payment_status = status
    silent_again = await verify(world, proposed)

    assert silent["name_match"] == "unknown"
    # What the bank has confirmed once stays confirmed.
    assert (answered["name_match"], silent_again["name_match"]) == ("match", "match")


async def test_an_unverified_account_is_not_approved(world: World, agent: dict[str, Any]) -> None:
    proposed = await propose(world, by=agent_of(world, agent), agent_id=agent["id"])

    answer = await world.post(
        f"bank-accounts/{proposed['id']}/decision", APPROVED, by=world.officer
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "bank_account_unverified")
    assert answer.json()["details"] == {"name_match": None}


async def test_an_account_of_another_person_is_refused_at_once(
    world: World, agent: dict[str, Any]
) -> None:
    asked = len(world.neighbours.asked)
    body = {**CHANGED, "agent_id": agent["id"], "holder_name": "Budi Santoso"}

    answer = await world.post("bank-accounts", body, by=agent_of(world, agent))

    assert (answer.status_code, answer.json()["code"]) == (422, "bank_account_of_another")
    assert "Budi" not in answer.text
    assert len(world.neighbours.asked) == asked


async def test_a_second_proposal_waits_for_the_first(world: World, agent: dict[str, Any]) -> None:
    by = agent_of(world, agent)
    first = await propose(world, by=by, agent_id=agent["id"])

    second = await world.post("bank-accounts", {**CHANGED, "agent_id": agent["id"]}, by=by)
    await world.ok(f"bank-accounts/{first['id']}/decision", REJECTED, by=world.officer)
    third = await world.post("bank-accounts", {**CHANGED, "agent_id": agent["id"]}, by=by)

    assert (second.status_code, second.json()["code"]) == (409, "bank_account_proposal_open")
    assert third.status_code == 201


@pytest.mark.parametrize("holders", [(), ("agent_id", "wadah_id")])
async def test_a_proposal_names_one_holder(
    world: World, holders: tuple[str, ...], agent: dict[str, Any]
) -> None:
    ids = {"agent_id": agent["id"], "wadah_id": agent["wadah_id"]}
    body = {**CHANGED, **{name: ids[name] for name in holders}}

    answer = await world.post("bank-accounts", body, by=world.officer)

    assert (answer.status_code, answer.json()["code"]) == (422, "holder_unclear")


async def test_others_neither_see_nor_propose(world: World, agent: dict[str, Any]) -> None:
    proposed = await propose(world, by=world.officer, agent_id=agent["id"])
    outsiders = [
        world.outsider,
        world.tokens.make(Role.AGENT, agent_id=new_id(), wadah_id=agent["wadah_id"]),
        world.tokens.make(Role.WADAH_ADMIN, wadah_id=new_id()),
    ]
    administrator = world.tokens.make(Role.WADAH_ADMIN, wadah_id=agent["wadah_id"])
    body = {**CHANGED, "agent_id": agent["id"]}
    path = f"bank-accounts/{proposed['id']}"

    for by in outsiders:
        assert (await world.post("bank-accounts", body, by=by)).json()["code"] == "agent_not_found"
        assert (await world.get(path, by=by)).json()["code"] == "bank_account_not_found"
        verified = await world.post(f"{path}/verification", by=by)
        assert verified.json()["code"] == "bank_account_not_found"
        assert await list_of(world, agent["id"], by=by) == []
    refused = await world.post("bank-accounts", body, by=administrator)
    seen = await world.get(path, by=administrator)
    assert (refused.status_code, seen.status_code) == (403, 200)


async def test_offices_see_how_many_others_share_an_account(world: World) -> None:
    one, other = await world.agent(), await world.agent()
    finance = world.tokens.make(Role.FINANCE_OFFICER, scope={"kind": "country"})

    (seen,) = await list_of(world, one["id"], by=finance)
    (own,) = await list_of(world, one["id"], by=agent_of(world, one))
    proposed = await propose(world, by=world.officer, agent_id=other["id"])

    assert (seen["shared_with"], own["shared_with"]) == (1, None)
    assert proposed["shared_with"] == 0


async def test_reading_the_whole_number_is_recorded(
    world: World, database: Database, agent: dict[str, Any]
) -> None:
    proposed = await propose(world, by=agent_of(world, agent), agent_id=agent["id"])

    path = f"bank-accounts/{proposed['id']}/identity"
    answer = await world.get(path, by=world.officer)
    auditor = await world.get(path, by=world.tokens.make(Role.AUDITOR, scope={"kind": "country"}))

    assert answer.json() == {"id": proposed["id"], **CHANGED}
    assert auditor.status_code == 403
    async with database.read() as session:
        kind = "GET /v1/bank-accounts/{bank_account_id}/identity"
        (audit,) = (await session.scalars(select(ReadAudit).where(ReadAudit.kind == kind))).all()
    assert agent["id"] in {str(each) for each in audit.ids}


async def test_inquiries_of_one_proposal_are_bounded(world: World, agent: dict[str, Any]) -> None:
    proposed = await propose(world, by=agent_of(world, agent), agent_id=agent["id"])
    path = f"bank-accounts/{proposed['id']}/verification"
    for _ in range(20):
        await world.ok(path, by=world.officer)

    answer = await world.post(path, by=world.officer)

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_inquiries")
