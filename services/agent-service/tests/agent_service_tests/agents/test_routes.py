from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents.models import Agent
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

INACTIVITY = {"reason_code": "inactivity", "reason": "Three idle months"}
INVESTIGATION = {"reason_code": "investigation", "reason": "Members complain"}
FRAUD = {"reason_code": "fraud", "reason": "Kept contributions"}
BACK = {"reason": "The wadah asks for it"}
COUNTRY = {"kind": "country"}


async def test_an_agent_is_shown_masked_but_for_those_to_whom_the_agent_belongs(
    world: World,
) -> None:
    agent = await world.agent()

    answer = await world.get(f"agents/{agent['id']}", by=auditor(world))

    assert answer.json()["full_name"] == "S*** A***"
    assert agent["assignment_letter_number"].startswith(f"ST/{agent['agent_code']}/")
    for secret in ("Siti", "Aminah", "1234567890", "nik"):
        assert secret not in answer.text


def auditor(world: World) -> dict[str, str]:
    return world.tokens.make(Role.AUDITOR, scope=COUNTRY)


async def test_officers_the_own_wadah_and_the_agent_read_the_whole_name(
    world: World, database: Database
) -> None:
    account_id = new_id()
    agent = await world.agent(by=world.applicant(account_id=account_id))
    path, make = f"agents/{agent['id']}", world.tokens.make
    readers = {
        "officer": world.officer,
        "admin": world.admin,
        "finance": make(Role.FINANCE_OFFICER, scope={"kind": "region", "code": "JATIM"}),
        "wadah": make(Role.WADAH_ADMIN, wadah_id=agent["wadah_id"]),
        "agent": make(Role.AGENT, agent_id=agent["id"]),
        "applicant": world.applicant(account_id=account_id),
        "auditor": auditor(world),
        # In the scope of one role, and of another that may not see names.
        "auditor of the branch": make(Role.AUDITOR, Role.AGENT, scope=COUNTRY, agent_id=new_id()),
    }
    names: dict[str, set[str]] = {}
    for reader, by in readers.items():
        detail, page = await world.get(path, by=by), await world.get("agents", by=by)
        names[reader] = {detail.json()["full_name"], page.json()["items"][0]["full_name"]}

    masked = {"auditor", "auditor of the branch"}
    assert names == {
        reader: {"S*** A***" if reader in masked else "Siti Aminah"} for reader in readers
    }
    suspended = await world.ok(f"{path}/suspension", INVESTIGATION, by=world.officer)
    assert suspended["full_name"] == "Siti Aminah"


async def test_a_list_of_agents_leaves_one_row_of_readings(
    world: World, database: Database
) -> None:
    agents = [await world.agent() for _ in range(2)]
    account_id = new_id()
    by = world.tokens.make(Role.BRANCH_OFFICER, account_id=account_id, scope=COUNTRY)

    await world.get("agents", by=by)

    async with database.read() as session:
        own = select(ReadAudit).where(ReadAudit.account_id == account_id)
        (row,) = (await session.scalars(own)).all()
    assert row.kind == "GET /v1/agents"
    assert {each["id"] for each in agents} <= {str(each) for each in row.ids}


async def test_subjects_see_the_agents_that_concern_them(world: World) -> None:
    account_id = new_id()
    agent = await world.agent(by=world.applicant(account_id=account_id))
    other = await world.agent()
    make = world.tokens.make

    async def seen(by: dict[str, str]) -> set[str]:
        return {each["id"] for each in (await world.get("agents", by=by)).json()["items"]}

    both = {agent["id"], other["id"]}
    assert await seen(make(Role.AGENT, account_id=account_id, agent_id=agent["id"])) == {
        agent["id"]
    }
    assert await seen(world.applicant(account_id=account_id)) == {agent["id"]}
    assert await seen(make(Role.WADAH_ADMIN, wadah_id=agent["wadah_id"])) == {agent["id"]}
    assert await seen(world.officer) == both
    assert await seen(make(Role.FINANCE_OFFICER, scope=COUNTRY)) == both
    assert await seen(make(Role.AUDITOR, scope={"kind": "region", "code": "JATIM"})) == both
    assert await seen(world.admin) == both
    assert await seen(world.outsider) == set()
    assert await seen(make(Role.FINANCE_OFFICER)) == set()
    assert await seen(make(Role.WADAH_ADMIN)) == set()
    assert await seen(make(Role.AGENT)) == set()
    assert await seen(make(Role.SERVICE)) == set()


async def test_agents_are_filtered_and_paged(world: World) -> None:
    made = [(await world.agent()) for _ in range(3)]
    await world.ok(f"agents/{made[0]['id']}/suspension", INVESTIGATION, by=world.officer)

    active = (await world.get("agents", by=world.officer, status="active", limit=1)).json()
    rest = await world.get(
        "agents", by=world.officer, status="active", limit=1, cursor=active["next_cursor"]
    )
    of_wadah = await world.get("agents", by=world.officer, wadah_id=made[0]["wadah_id"])

    assert [each["id"] for each in active["items"] + rest.json()["items"]] == [
        made[1]["id"],
        made[2]["id"],
    ]
    assert [each["id"] for each in of_wadah.json()["items"]] == [made[0]["id"]]


async def test_a_foreign_agent_is_not_found(world: World) -> None:
    agent = await world.agent()
    path = f"agents/{agent['id']}"

    answers = [
        await world.get(path, by=world.outsider),
        await world.get(path, by=world.applicant()),
        await world.get(f"{path}/identity", by=world.outsider),
        await world.get(f"{path}/activity", by=world.outsider),
        await world.post(f"{path}/suspension", INACTIVITY, by=world.outsider),
        await world.post(f"{path}/reinstatement", BACK, by=world.outsider),
        await world.post(f"{path}/dismissal", FRAUD, by=world.outsider),
        await world.get(f"agents/{new_id()}", by=world.admin),
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {
        (404, "agent_not_found")
    }


async def test_reading_an_identity_is_recorded(world: World, database: Database) -> None:
    body = await world.new_application()
    agent = await world.agent(**body)
    finance = world.tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)

    answer = await world.get(f"agents/{agent['id']}/identity", by=finance)

    assert answer.json() == {
        "id": agent["id"],
        **{name: body[name] for name in ("nik", "full_name")},
    }
    async with database.read() as session:
        (audit,) = (
            await session.scalars(select(ReadAudit).where(ReadAudit.kind.endswith("/identity")))
        ).all()
    assert audit.kind == "GET /v1/agents/{agent_id}/identity"
    assert {agent["id"], agent["member_id"]} < {str(each) for each in audit.ids}


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR, Role.AGENT, Role.WADAH_ADMIN])
async def test_an_identity_is_not_for_every_role(world: World, role: Role) -> None:
    agent = await world.agent()
    by = world.tokens.make(role, scope=COUNTRY, wadah_id=agent["wadah_id"], agent_id=agent["id"])

    answer = await world.get(f"agents/{agent['id']}/identity", by=by)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_suspension_is_published_with_its_reason(
    world: World, events: Callable[[], Any]
) -> None:
    account_id = new_id()
    agent = await world.agent(by=world.applicant(account_id=account_id))

    suspended = await world.ok(f"agents/{agent['id']}/suspension", INVESTIGATION, by=world.officer)

    assert (suspended["status"], suspended["reason_code"]) == ("suspended", "investigation")
    assert suspended["reinstatement_not_before"] is None
    assert suspended["history"][0]["reason"] == "Members complain"
    assert (await events())[-1] == (
        "agent.suspended.v1",
        {
            "agent_id": agent["id"],
            "account_id": str(account_id),
            "reason_code": "investigation",
            "decided_at": suspended["history"][0]["changed_at"],
        },
    )


async def test_after_inactivity_an_agent_waits_six_months(
    world: World, business_time: BusinessTime, events: Callable[[], Any]
) -> None:
    business_time.at(datetime(2026, 1, 10, 3, 0, tzinfo=UTC))
    agent = await world.agent()
    path = f"agents/{agent['id']}"
    suspended = await world.ok(f"{path}/suspension", INACTIVITY, by=world.officer)

    business_time.at(datetime(2026, 7, 9, 16, 59, tzinfo=UTC))  # 23:59 in Jakarta
    early = await world.post(f"{path}/reinstatement", BACK, by=world.officer)
    business_time.at(datetime(2026, 7, 9, 17, 1, tzinfo=UTC))  # the tenth of July there
    back = await world.ok(f"{path}/reinstatement", BACK, by=world.officer)

    assert suspended["reinstatement_not_before"] == "2026-07-10"
    assert (early.status_code, early.json()["code"]) == (409, "reinstatement_too_early")
    assert early.json()["details"] == {"not_before": "2026-07-10"}
    assert (back["status"], back["in_office_since"]) == ("active", "2026-07-10")
    assert back["reinstatement_not_before"] is None
    kind, data = (await events())[-1]
    assert (kind, data["agent_code"]) == ("agent.reinstated.v1", agent["agent_code"])
    assert data["decided_at"] == back["history"][0]["changed_at"]


@pytest.mark.parametrize("reason", ["resignation", "other"])
async def test_a_dismissal_and_a_new_application_do_not_shorten_the_wait(
    world: World, business_time: BusinessTime, reason: str
) -> None:
    business_time.at(datetime(2026, 1, 10, 3, 0, tzinfo=UTC))
    applicant = world.applicant()
    body = await world.new_application()
    agent = await world.agent(by=applicant, **body)
    await world.ok(f"agents/{agent['id']}/suspension", INACTIVITY, by=world.officer)
    leave = {"reason_code": reason, "reason": "Wants to begin again"}
    dismissed = await world.ok(f"agents/{agent['id']}/dismissal", leave, by=world.officer)
    again = {**body, "wadah_id": (await world.wadah(name="Paguyuban Petani"))["id"]}

    own = await world.post("applications", again, by=applicant)
    from_another_phone = await world.post("applications", again, by=world.applicant())
    business_time.at(datetime(2026, 7, 9, 17, 1, tzinfo=UTC))  # the tenth of July in Jakarta
    after = await world.post("applications", again, by=world.applicant())

    assert dismissed["reinstatement_not_before"] == "2026-07-10"
    assert (own.status_code, own.json()["code"]) == (409, "reinstatement_too_early")
    assert own.json()["details"] == {"not_before": "2026-07-10"}
    assert (from_another_phone.status_code, from_another_phone.json()["code"]) == (
        409,
        "agent_exists",
    )
    assert after.status_code == 201


async def test_an_approval_is_refused_while_the_person_waits(
    world: World, business_time: BusinessTime, session: AsyncSession
) -> None:
    body = await world.new_application()
    agent = await world.agent(**body)
    leave = {"reason_code": "resignation", "reason": "Moves to another town"}
    await world.ok(f"agents/{agent['id']}/dismissal", leave, by=world.officer)
    application = await world.examined(**body)
    # The wait binds the person, so it also holds for an earlier application.
    waits = update(Agent).where(Agent.id == UUID(agent["id"]))
    await session.execute(waits.values(reinstatement_not_before=date(2099, 1, 1)))

    answer = await world.post(f"applications/{application['id']}/approval", by=world.approver)

    assert (answer.status_code, answer.json()["code"]) == (409, "reinstatement_too_early")
    assert answer.json()["details"] == {"not_before": "2099-01-01"}


async def test_an_agent_does_not_return_to_a_wadah_that_is_not_active(world: World) -> None:
    agent = await world.agent()
    await world.ok(f"agents/{agent['id']}/suspension", INVESTIGATION, by=world.officer)
    end = {"reason_code": "below_target", "reason": "Three months"}
    await world.ok(f"wadahs/{agent['wadah_id']}/termination", end, by=world.officer)

    answer = await world.post(f"agents/{agent['id']}/reinstatement", BACK, by=world.officer)

    assert (answer.status_code, answer.json()["code"]) == (409, "wadah_not_active")


async def test_a_dismissal_is_final_and_published(world: World, events: Callable[[], Any]) -> None:
    agent = await world.agent()
    path = f"agents/{agent['id']}"

    dismissed = await world.ok(f"{path}/dismissal", FRAUD, by=world.officer)
    after = [
        await world.post(f"{path}/reinstatement", BACK, by=world.officer),
        await world.post(f"{path}/suspension", INACTIVITY, by=world.officer),
        await world.post(f"{path}/dismissal", FRAUD, by=world.officer),
    ]

    assert (dismissed["status"], dismissed["reason_code"]) == ("dismissed", "fraud")
    assert {(each.status_code, each.json()["code"]) for each in after} == {(409, "agent_status")}
    kind, data = (await events())[-1]
    assert (kind, data["reason_code"]) == ("agent.dismissed.v1", "fraud")
    assert data["decided_at"] == dismissed["history"][0]["changed_at"]


@pytest.mark.parametrize("step", ["suspension", "reinstatement", "dismissal"])
async def test_officers_do_not_decide_about_themselves(world: World, step: str) -> None:
    bodies = {"suspension": INACTIVITY, "reinstatement": BACK, "dismissal": FRAUD}
    account_id = new_id()
    body = await world.new_application()
    agent = await world.agent(by=world.applicant(account_id=account_id), **body)
    bwi = {"kind": "branch", "code": "BWI", "region": "JATIM"}
    make = world.tokens.make

    for by in (
        make(Role.BRANCH_OFFICER, scope=bwi, account_id=account_id),
        make(Role.BRANCH_OFFICER, scope=bwi, member_id=world.neighbours.members[body["nik"]]),
        make(Role.BRANCH_OFFICER, Role.AGENT, scope=bwi, agent_id=agent["id"]),
    ):
        answer = await world.post(f"agents/{agent['id']}/{step}", bodies[step], by=by)

        assert (answer.status_code, answer.json()["code"]) == (403, "own_case")


@pytest.mark.parametrize("step", ["suspension", "reinstatement", "dismissal"])
async def test_other_roles_decide_nothing(world: World, step: str) -> None:
    agent = await world.agent()

    for role in (Role.ADMIN, Role.AGENT, Role.WADAH_ADMIN, Role.FINANCE_OFFICER, Role.AUDITOR):
        by = world.tokens.make(role, scope=COUNTRY, wadah_id=agent["wadah_id"])
        answer = await world.post(f"agents/{agent['id']}/{step}", {}, by=by)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_an_officer_who_only_sees_their_own_record_is_out_of_scope(world: World) -> None:
    account_id = new_id()
    agent = await world.agent(by=world.applicant(account_id=account_id))
    scope = {"kind": "branch", "code": "SBY", "region": "JATIM"}
    by = world.tokens.make(Role.BRANCH_OFFICER, scope=scope, account_id=account_id)

    answer = await world.post(f"agents/{agent['id']}/dismissal", FRAUD, by=by)

    assert (answer.status_code, answer.json()["code"]) == (403, "branch_out_of_scope")


async def test_a_wadah_knows_its_active_agents(world: World) -> None:
    wadah = await world.wadah()
    first = await world.agent(wadah_id=wadah["id"])
    second = await world.agent(wadah_id=wadah["id"])
    await world.ok(f"agents/{first['id']}/suspension", INVESTIGATION, by=world.officer)
    await world.ok(f"agents/{second['id']}/suspension", INVESTIGATION, by=world.officer)
    await world.ok(f"agents/{second['id']}/reinstatement", BACK, by=world.officer)

    seen = (await world.get(f"wadahs/{wadah['id']}", by=world.officer)).json()

    assert seen["agent_count"] == 1
    assert seen["warnings"] == [{"code": "too_few_agents", "minimum": 5, "found": 1}]


@pytest.mark.parametrize(
    ("step", "body", "pointer"),
    [
        ("suspension", {"reason_code": "tired", "reason": "x"}, "/reason_code"),
        ("suspension", {"reason_code": "other", "reason": "x\x00"}, "/reason"),
        ("suspension", {"reason_code": "other"}, "/reason"),
        ("reinstatement", {"reason": ""}, "/reason"),
        ("reinstatement", {"reason": "x", "by": "me"}, "/by"),
        ("dismissal", {"reason_code": "inactivity", "reason": "x"}, "/reason_code"),
        ("dismissal", {"reason_code": "fraud", "reason": "x" * 2001}, "/reason"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    world: World, step: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await world.post(f"agents/{new_id()}/{step}", body, by=world.officer)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
