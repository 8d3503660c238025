from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from agent_service.applications.models import Application
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit

if TYPE_CHECKING:
    from agent_service_tests.conftest import World


async def test_numbers_of_an_application_are_masked_and_the_own_name_is_whole(
    world: World,
) -> None:
    body = await world.new_application()

    answer = await world.post("applications", body, by=world.applicant())

    application = answer.json()
    assert answer.status_code == 201
    assert application["status"] == "applied"
    assert application["nik"] == f"3510********{body['nik'][-4:]}"
    assert application["full_name"] == body["full_name"] == "Siti Aminah"
    assert application["account_holder_name"] == body["account_holder_name"]
    assert application["account_no"] == "******7890"
    for secret in (body["nik"], body["account_no"]):
        assert secret not in answer.text
    assert [(each["requirement"], each["outcome"]) for each in application["checks"]] == [
        ("phone_and_device", "met")
    ]


async def test_personal_data_is_not_readable_in_the_database(
    world: World, database: Database
) -> None:
    application = await world.apply()

    async with database.read() as session:
        row = await session.execute(
            text("SELECT to_jsonb(a)::text FROM applications a WHERE id = :id"),
            {"id": application["id"]},
        )

    stored = row.scalar_one()
    for secret in ("Siti", "Aminah", "1234567890", "351011"):
        assert secret not in stored
        assert secret.encode().hex() not in stored


@pytest.mark.parametrize(
    "proof", [{"amr": ("pwd",)}, {"amr": ()}, {"device_id": None}, {"amr": ("pwd", "totp")}]
)
async def test_an_application_needs_proof_of_phone_and_device(
    world: World, proof: dict[str, Any]
) -> None:
    body = await world.new_application()

    answer = await world.post("applications", body, by=world.applicant(**proof))

    assert (answer.status_code, answer.json()["code"]) == (403, "phone_proof_required")


async def test_the_key_is_required_and_a_repeat_gets_the_first_answer(world: World) -> None:
    body = await world.new_application()
    applicant = world.applicant()

    without = await world.client.post("/v1/applications", json=body, headers=applicant)
    first = await world.post("applications", body, by=applicant, key="apply-0001")
    second = await world.post("applications", body, by=applicant, key="apply-0001")
    other = await world.post(
        "applications", {**body, "bank_code": "014"}, by=applicant, key="apply-0001"
    )

    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")
    assert (first.status_code, second.json()) == (201, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_one_person_has_one_application_under_way(world: World) -> None:
    body = await world.new_application()
    await world.ok("applications", body, by=world.applicant())

    again = await world.post("applications", body, by=world.applicant())

    assert (again.status_code, again.json()["code"]) == (409, "application_open")


async def test_one_account_has_one_application_under_way(world: World) -> None:
    applicant = world.applicant()
    await world.apply(by=applicant)

    other = await world.post("applications", await world.new_application(), by=applicant)

    assert (other.status_code, other.json()["code"]) == (409, "application_open")


async def test_after_a_withdrawal_the_applicant_may_apply_again(world: World) -> None:
    applicant = world.applicant()
    body = await world.new_application()
    first = await world.ok("applications", body, by=applicant)

    withdrawn = await world.step(first, "withdrawal", {"reason": "Wrong account"}, by=applicant)
    second = await world.post("applications", body, by=applicant)

    assert withdrawn["status"] == "withdrawn"
    assert withdrawn["history"][0]["reason"] == "Wrong account"
    assert second.status_code == 201


async def test_only_the_applicant_withdraws(world: World) -> None:
    application = await world.apply()

    answer = await world.post(f"applications/{application['id']}/withdrawal", by=world.officer)

    assert (answer.status_code, answer.json()["code"]) == (404, "application_not_found")


async def test_a_wadah_that_is_not_active_takes_no_applicant(world: World) -> None:
    wadah = await world.wadah(agreement=None)
    body = await world.new_application(wadah_id=wadah["id"])

    answer = await world.post("applications", body, by=world.applicant())

    assert (answer.status_code, answer.json()["code"]) == (404, "wadah_not_found")
    assert answer.json()["errors"][0]["pointer"] == "/wadah_id"


async def test_all_steps_together_make_an_agent(world: World, events: Callable[[], Any]) -> None:
    account_id = new_id()
    applicant = world.applicant(account_id=account_id)
    body = await world.new_application()
    application = await world.ok("applications", body, by=applicant)

    await world.step(application, "verification", by=applicant)
    today = clock.today().isoformat()
    await world.step(application, "training", {"completed_on": today, "certificate_no": "S/1"})
    await world.step(application, "exam", {"taken_on": today, "passed": True, "score": 85})
    approved = await world.step(
        application, "approval", {"assignment_letter_number": "ST/01/PNM/2026"}
    )

    assert approved["status"] == "active"
    assert {each["outcome"] for each in approved["requirements"]} == {"met"}
    assert [each["to_status"] for each in reversed(approved["history"])] == [
        "applied",
        "verified",
        "training",
        "exam_passed",
        "active",
    ]
    assert approved["exam"]["score"] == 85
    agent = (await world.get(f"agents/{approved['agent_id']}", by=world.officer)).json()
    assert (agent["status"], agent["assignment_letter_number"]) == ("active", "ST/01/PNM/2026")
    (kind, data), (following, _) = (await events())[-2:]
    assert (kind, following) == ("agent.activated.v1", "bank_account.changed.v1")
    assert data == {
        "agent_id": approved["agent_id"],
        "account_id": str(account_id),
        "member_id": str(world.neighbours.members[body["nik"]]),
        "wadah_id": body["wadah_id"],
        "branch_code": "BWI",
        "region_code": "JATIM",
        "agent_code": agent["agent_code"],
        "decided_at": agent["activated_at"],
    }


async def test_an_approval_refuses_with_the_list_of_what_is_unmet(world: World) -> None:
    application = await world.apply(citizenship="wna", not_bpjs_employee=False)

    answer = await world.post(f"applications/{application['id']}/approval", by=world.officer)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "requirements_unmet")
    assert {
        each["requirement"]: (each["outcome"], each["reason_code"])
        for each in problem["details"]["unmet"]
    } == {
        "membership": ("unknown", "not_checked"),
        "own_account": ("unknown", "not_checked"),
        "citizen": ("unmet", "not_a_citizen"),
        "not_bpjs_employee": ("unmet", "bpjs_employee"),
        "training": ("unmet", "no_training_recorded"),
        "exam": ("unmet", "no_exam_recorded"),
    }


@pytest.mark.parametrize("recorded", ["verification", "training", "exam"])
async def test_nobody_approves_on_evidence_that_they_recorded(world: World, recorded: str) -> None:
    today = clock.today().isoformat()
    bodies = {
        "verification": None,
        "training": {"completed_on": today, "certificate_no": "SERT/7/2026"},
        "exam": {"taken_on": today, "passed": True},
    }
    application = await world.apply()
    for step, body in bodies.items():
        by = world.approver if step == recorded else world.officer
        application = await world.step(application, step, body, by=by)

    own = await world.post(f"applications/{application['id']}/approval", by=world.approver)
    scope = {"kind": "branch", "code": "BWI", "region": "JATIM"}
    third = world.tokens.make(Role.BRANCH_OFFICER, scope=scope)
    approved = await world.step(application, "approval", by=third)

    assert (own.status_code, own.json()["code"]) == (403, "approver_recorded_evidence")
    assert approved["status"] == "active"


async def test_a_wadah_that_ended_meanwhile_stops_the_approval(world: World) -> None:
    application = await world.examined()
    end = {"reason_code": "own_request", "reason": "The association dissolved"}
    await world.ok(f"wadahs/{application['wadah_id']}/termination", end, by=world.officer)

    answer = await world.post(f"applications/{application['id']}/approval", by=world.officer)

    assert answer.json()["details"]["unmet"] == [
        {"requirement": "wadah_active", "outcome": "unmet", "reason_code": "terminated"}
    ]


async def test_a_failed_exam_can_be_repeated(world: World) -> None:
    today = clock.today().isoformat()
    application = await world.apply()
    await world.step(application, "verification")
    await world.step(application, "training", {"completed_on": today, "certificate_no": "S/1"})

    failed = await world.step(application, "exam", {"taken_on": today, "passed": False})
    refused = await world.post(f"applications/{application['id']}/approval", by=world.officer)
    passed = await world.step(application, "exam", {"taken_on": today, "passed": True})

    assert failed["status"] == "exam_failed"
    assert [each["reason_code"] for each in refused.json()["details"]["unmet"]] == ["exam_failed"]
    assert passed["status"] == "exam_passed"


@pytest.mark.parametrize("step", ["training", "exam", "approval", "rejection"])
async def test_applicants_decide_nothing_about_themselves(world: World, step: str) -> None:
    bodies = {
        "training": {"completed_on": clock.today().isoformat(), "certificate_no": "S/1"},
        "exam": {"taken_on": clock.today().isoformat(), "passed": True},
        "approval": {},
        "rejection": {"reason_code": "other", "reason": "x"},
    }
    account_id, member_id = new_id(), new_id()
    body = await world.new_application()
    world.neighbours.members[body["nik"]] = member_id
    application = await world.ok(
        "applications", body, by=world.applicant(account_id=account_id, member_id=member_id)
    )
    await world.step(application, "verification")
    bwi = {"kind": "branch", "code": "BWI", "region": "JATIM"}
    same_account = world.tokens.make(Role.BRANCH_OFFICER, account_id=account_id, scope=bwi)
    same_member = world.tokens.make(Role.BRANCH_OFFICER, member_id=member_id, scope=bwi)

    for by in (same_account, same_member):
        answer = await world.post(f"applications/{application['id']}/{step}", bodies[step], by=by)

        assert (answer.status_code, answer.json()["code"]) == (403, "own_case")


@pytest.mark.parametrize("step", ["training", "exam", "approval", "rejection", "identity"])
async def test_other_roles_take_no_step(world: World, step: str) -> None:
    application = await world.apply()
    path = f"applications/{application['id']}/{step}"

    for by in (
        world.admin,
        world.applicant(),
        world.tokens.make(Role.WADAH_ADMIN, wadah_id=application["wadah_id"]),
        world.tokens.make(Role.AUDITOR, scope={"kind": "country"}),
    ):
        if step == "identity":
            answer = await world.get(path, by=by)
        else:
            answer = await world.post(path, {}, by=by)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_foreign_application_is_not_found(world: World) -> None:
    application = await world.apply()
    path = f"applications/{application['id']}"

    answers = [
        await world.get(path, by=world.outsider),
        await world.get(path, by=world.applicant()),
        await world.get(path, by=world.tokens.make(Role.WADAH_ADMIN, wadah_id=new_id())),
        await world.get(
            path, by=world.tokens.make(Role.FINANCE_OFFICER, scope={"kind": "country"})
        ),
        await world.get(f"{path}/identity", by=world.outsider),
        await world.post(f"{path}/approval", by=world.outsider),
        await world.post(f"{path}/verification", by=world.applicant()),
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {
        (404, "application_not_found")
    }


async def test_subjects_see_the_applications_that_concern_them(world: World) -> None:
    applicant = world.applicant()
    application = await world.apply(by=applicant)
    await world.apply(by=world.applicant())
    admin_of = world.tokens.make(Role.WADAH_ADMIN, wadah_id=application["wadah_id"])

    async def seen(by: dict[str, str], **params: Any) -> list[str]:
        page = (await world.get("applications", by=by, **params)).json()
        return [each["id"] for each in page["items"]]

    assert await seen(applicant) == [application["id"]]
    assert await seen(admin_of) == [application["id"]]
    assert len(await seen(world.officer)) == 2
    assert len(await seen(world.officer, status="applied")) == 2
    assert await seen(world.officer, status="verified") == []
    assert await seen(world.officer, wadah_id=application["wadah_id"]) == [application["id"]]
    assert await seen(world.outsider) == []


async def test_reading_an_identity_is_recorded(world: World, database: Database) -> None:
    body = await world.new_application()
    application = await world.ok("applications", body, by=world.applicant())
    path = f"applications/{application['id']}/identity"

    answer = await world.client.get(
        f"/v1/{path}", headers={**world.officer, "X-Request-Id": "read-identity-1"}
    )

    assert answer.json()["nik"] == body["nik"]
    assert answer.json()["full_name"] == body["full_name"]
    assert answer.json()["birth_date"] == "1990-03-12"
    async with database.read() as session:
        (audit,) = (await session.scalars(select(ReadAudit))).all()
        applicant = (await session.get_one(Application, UUID(application["id"]))).account_id
    assert audit.kind == "GET /v1/applications/{application_id}/identity"
    assert (applicant in audit.ids, audit.request_id) == (True, "read-identity-1")


async def test_a_rejected_applicant_may_apply_again(world: World) -> None:
    body = await world.new_application()
    application = await world.ok("applications", body, by=world.applicant())

    rejected = await world.step(
        application, "rejection", {"reason_code": "no_need", "reason": "Enough agents"}
    )
    again = await world.post("applications", body, by=world.applicant())

    assert (rejected["status"], rejected["reason_code"]) == ("rejected", "no_need")
    assert again.status_code == 201


async def test_an_agent_cannot_apply(world: World) -> None:
    applicant = world.applicant()
    body = await world.new_application()
    await world.agent(by=applicant, **body)

    same_nik = await world.post("applications", body, by=world.applicant())
    same_account = await world.post("applications", await world.new_application(), by=applicant)

    assert [each.json()["code"] for each in (same_nik, same_account)] == ["agent_exists"] * 2


@pytest.mark.parametrize(("reason", "status"), [("fraud", 409), ("resignation", 201)])
async def test_only_a_dismissal_for_cause_bars_a_person(
    world: World, reason: str, status: int
) -> None:
    body = await world.new_application()
    agent = await world.agent(**body)
    dismissal = {"reason_code": reason, "reason": "As decided"}
    await world.ok(f"agents/{agent['id']}/dismissal", dismissal, by=world.officer)

    answer = await world.post("applications", body, by=world.applicant())

    assert answer.status_code == status


async def test_the_birth_date_decides_the_century(world: World, database: Database) -> None:
    body = await world.new_application()
    nik = f"351011010120{body['nik'][-4:]}"
    world.neighbours.members[nik] = new_id()
    application = await world.ok(
        "applications", {**body, "nik": nik, "birth_date": "1928-01-01"}, by=world.applicant()
    )

    identity = await world.get(f"applications/{application['id']}/identity", by=world.officer)

    assert date.fromisoformat(identity.json()["birth_date"]) == date(2020, 1, 1)
    assert application["nik_warnings"] == ["birth_date_differs"]
