from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from agent_service.settings import Settings
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import MakeApp, Wire, open_app_client

if TYPE_CHECKING:
    from agent_service_tests.conftest import World


def standing(application: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {
        each["requirement"]: (each["outcome"], each["reason_code"])
        for each in application["requirements"]
    }


async def test_every_requirement_is_asked_for_real(world: World) -> None:
    body = await world.new_application()
    application = await world.ok("applications", body, by=world.applicant())

    verified = await world.step(application, "verification")

    assert verified["status"] == "verified"
    assert sorted(world.neighbours.asked) == [
        (
            "/v1/account-verifications",
            {
                "bank_code": body["bank_code"],
                "account_no": body["account_no"],
                "holder_name": body["account_holder_name"],
            },
        ),
        ("/v1/member-lookups", {"nik": body["nik"], "full_name": body["full_name"]}),
    ]
    assert verified["member_id"] == str(world.neighbours.members[body["nik"]])
    found = standing(verified)
    assert found.pop("training") == ("unmet", "no_training_recorded")
    assert found.pop("exam") == ("unmet", "no_exam_recorded")
    assert set(found.values()) == {("met", None)}


async def test_applicants_may_ask_for_their_own_verification(world: World) -> None:
    applicant = world.applicant()
    application = await world.apply(by=applicant)

    verified = await world.step(application, "verification", by=applicant)

    assert verified["status"] == "verified"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.WADAH_ADMIN, Role.ADMIN])
async def test_other_readers_may_not_ask_for_a_verification(world: World, role: Role) -> None:
    application = await world.apply()
    by = world.tokens.make(role, wadah_id=application["wadah_id"], scope={"kind": "country"})

    answer = await world.post(f"applications/{application['id']}/verification", by=by)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert world.neighbours.asked == []


async def test_an_applicant_who_is_not_a_member_is_not_verified(world: World) -> None:
    body = await world.new_application()
    del world.neighbours.members[body["nik"]]
    application = await world.ok("applications", body, by=world.applicant())

    checked = await world.step(application, "verification")

    assert checked["status"] == "docs_incomplete"
    assert standing(checked)["membership"] == ("unmet", "not_a_member")
    assert checked["member_id"] is None


async def test_the_nik_of_another_person_is_detected(world: World) -> None:
    application = await world.apply(by=world.applicant(member_id=new_id()))

    checked = await world.step(application, "verification")

    assert standing(checked)["membership"] == ("unmet", "other_persons_nik")
    assert checked["member_id"] is None


async def test_an_applicant_without_proof_of_the_members_telephone_is_not_the_member(
    world: World,
) -> None:
    impostor = world.applicant(member_id=None)
    application = await world.apply(by=impostor)

    checked = await world.step(application, "verification", by=impostor)

    assert checked["status"] == "docs_incomplete"
    assert standing(checked)["membership"] == ("unmet", "members_phone_not_proven")
    assert checked["member_id"] is None


async def test_a_person_who_became_a_member_later_proves_it_by_a_new_sign_in(
    world: World,
) -> None:
    account_id = new_id()
    application = await world.apply(by=world.applicant(account_id=account_id, member_id=None))
    now_a_member = world.applicant(account_id=account_id)
    without_code = world.applicant(account_id=account_id, amr=("pwd",))

    before = await world.step(application, "verification", by=without_code)
    verified = await world.step(application, "verification", by=now_a_member)
    by_officer = await world.step(application, "verification")

    assert standing(before)["membership"] == ("unmet", "members_phone_not_proven")
    assert standing(verified)["membership"] == ("met", None)
    assert standing(by_officer)["membership"] == ("met", None)
    assert by_officer["member_id"] == str(world.member_id)


async def test_the_name_is_compared_with_the_members(world: World) -> None:
    world.neighbours.same_name = False
    application = await world.apply()

    checked = await world.step(application, "verification")

    assert standing(checked)["membership"] == ("unmet", "name_differs")
    assert checked["member_id"] is None


async def test_a_bank_that_writes_the_family_name_first_is_asked(world: World) -> None:
    application = await world.apply(full_name="Siti Aminah", account_holder_name="AMINAH SITI")

    checked = await world.step(application, "verification")

    assert standing(checked)["own_account"] == ("met", None)


async def test_the_bank_is_not_asked_about_an_account_declared_as_anothers(world: World) -> None:
    application = await world.apply(account_holder_name="Budi Santoso")

    checked = await world.step(application, "verification")

    assert standing(checked)["own_account"] == ("unmet", "holder_is_not_applicant")
    assert [path for path, _ in world.neighbours.asked] == ["/v1/member-lookups"]


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ({"designated": True, "outcome": "mismatch"}, "account_of_another"),
        ({"designated": True, "outcome": "not_found"}, "account_not_found"),
        ({"designated": False, "outcome": "unknown"}, "bank_not_designated"),
    ],
)
async def test_an_account_of_another_person_stops_the_applicant(
    world: World, verdict: dict[str, Any], reason: str
) -> None:
    world.neighbours.account = verdict
    application = await world.apply()

    checked = await world.step(application, "verification")

    assert checked["status"] == "docs_incomplete"
    assert standing(checked)["own_account"] == ("unmet", reason)


async def test_a_bank_that_does_not_answer_may_be_asked_again(world: World) -> None:
    application = await world.apply()
    world.neighbours.account = {"designated": True, "outcome": "unknown"}
    first = await world.step(application, "verification")
    world.neighbours.account = {"designated": True, "outcome": "match"}

    second = await world.step(application, "verification")

    assert (first["status"], second["status"]) == ("applied", "verified")
    assert standing(first)["own_account"] == ("unknown", "no_answer")
    history = [each for each in second["checks"] if each["requirement"] == "own_account"]
    assert [each["outcome"] for each in history] == ["met", "unknown"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
async def test_a_failure_between_services_is_no_answer_and_no_error(
    world: World, status: int
) -> None:
    world.neighbours.member_status = world.neighbours.payment_status = status
    application = await world.apply()

    checked = await world.step(application, "verification")

    assert checked["status"] == "applied"
    assert standing(checked)["membership"] == ("unknown", "no_answer")
    assert standing(checked)["own_account"] == ("unknown", "no_answer")


async def test_services_that_are_away_are_no_answer(world: World, wire: Wire) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody listens", request=request)

    wire.answer("member", away)
    wire.answer("payment", lambda _: httpx.Response(200, json={"strange": True}))
    application = await world.apply()

    checked = await world.step(application, "verification")

    assert standing(checked)["membership"] == ("unknown", "no_answer")
    assert standing(checked)["own_account"] == ("unknown", "no_answer")


async def test_a_requirement_is_unmet_if_another_service_refuses_its_data(world: World) -> None:
    world.neighbours.payment_status = 422
    application = await world.apply()

    checked = await world.step(application, "verification")

    assert standing(checked)["own_account"] == ("unmet", "not_valid")


async def test_no_answer_does_not_undo_an_earlier_one(world: World) -> None:
    application = await world.apply()
    await world.step(application, "verification")
    world.neighbours.payment_status = 503

    again = await world.step(application, "verification")

    assert again["status"] == "verified"
    assert standing(again)["own_account"] == ("met", None)


async def test_a_later_answer_undoes_an_earlier_one(world: World) -> None:
    application = await world.apply()
    await world.step(application, "verification")
    world.neighbours.members.clear()

    again = await world.step(application, "verification")

    assert again["status"] == "docs_incomplete"


async def test_too_young_is_found_at_the_verification(world: World) -> None:
    born = clock.today() - timedelta(days=17 * 365)
    serial = (await world.new_application())["nik"][-4:]
    application = await world.apply(nik=f"351011{born:%d%m%y}{serial}")

    checked = await world.step(application, "verification")

    assert standing(checked)["adult"] == ("unmet", "too_young")


async def test_an_ended_application_is_not_verified(world: World) -> None:
    application = await world.apply()
    await world.step(application, "rejection", {"reason_code": "no_need", "reason": "x"})

    answer = await world.post(f"applications/{application['id']}/verification", by=world.officer)

    assert (answer.status_code, answer.json()["code"]) == (409, "application_status")
    assert world.neighbours.asked == []


async def test_checked_or_unconfigured_requirements_cannot_be_attested(world: World) -> None:
    application = await world.apply()
    path = f"applications/{application['id']}/verification"

    for requirement in ("own_account", "npwp"):
        body = {"attestations": [{"requirement": requirement, "met": True}]}
        answer = await world.post(path, body, by=world.officer)

        assert (answer.status_code, answer.json()["code"]) == (422, "attestation_refused")


@pytest.fixture
def stricter(world: World) -> list[str]:
    """The requirements of a BPJS that also wants a tax number, and no exam."""
    return ["membership", "own_account", "adult", "wadah_active", "npwp"]


async def test_a_configured_requirement_is_attested_by_an_officer(
    world: World,
    stricter: list[str],
    make_app: MakeApp,
    database: Database,
    wire: Wire,
) -> None:
    app = make_app(database=database, wire=wire, requirements=stricter)
    applicant = world.applicant()
    application = await world.apply(by=applicant)
    attested = {"attestations": [{"requirement": "npwp", "met": True, "reason_code": "card"}]}
    async with open_app_client(app) as client:
        world.client = client
        path = f"applications/{application['id']}/verification"
        before = await world.step(application, "verification", by=applicant)
        own_word = await world.post(path, attested, by=applicant)
        after = await world.step(application, "verification", attested)
        approved = await world.step(application, "approval")

    assert (before["status"], standing(before)["npwp"]) == ("applied", ("unknown", "not_checked"))
    assert (own_word.status_code, own_word.json()["code"]) == (403, "own_case")
    assert (after["status"], standing(after)["npwp"]) == ("verified", ("met", "card"))
    assert approved["status"] == "active"
    assert set(standing(approved)) == set(stricter)


async def test_verifications_at_a_bank_are_limited(
    world: World, make_app: MakeApp, database: Database, wire: Wire
) -> None:
    app = make_app(database=database, wire=wire, verification_daily_limit=2)
    application = await world.apply()
    path = f"applications/{application['id']}/verification"
    async with open_app_client(app) as client:
        world.client = client
        answers = [await world.post(path, by=world.officer) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "too_many_verifications"
    assert len(world.neighbours.asked) == 4


async def test_an_applicant_tests_few_niks_whatever_they_withdraw(world: World) -> None:
    applicant = world.applicant(account_id=new_id(), member_id=None)
    limit = Settings.model_fields["applicant_verification_daily_limit"].default

    async def probe(**nik: str) -> tuple[httpx.Response, str]:
        application = await world.apply(by=applicant, **nik)
        path = f"applications/{application['id']}"
        answer = await world.post(f"{path}/verification", by=applicant)
        await world.ok(f"{path}/withdrawal", {"reason": "Another one."}, by=applicant)
        return answer, application["id"]

    answers = [(await probe())[0].status_code for _ in range(limit - 1)]
    # The same NIK again: other limits count different ones.
    nik = (await world.new_application())["nik"]
    answers.append((await probe(nik=nik))[0].status_code)
    refused, _ = await probe(nik=nik)
    asked = len(world.neighbours.asked)
    last = await world.apply(by=applicant, nik=nik)
    by_officer = await world.step(last, "verification")

    assert answers == [200] * limit
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_own_verifications")
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    assert asked == 2 * limit
    assert by_officer["status"] == "docs_incomplete"


async def test_a_verification_without_an_answer_is_not_counted_for_the_applicant(
    world: World, make_app: MakeApp, database: Database, wire: Wire
) -> None:
    app = make_app(database=database, wire=wire, applicant_verification_daily_limit=1)
    applicant = world.applicant(account_id=new_id())
    application = await world.apply(by=applicant)
    path = f"applications/{application['id']}/verification"
    wire.answer("member", lambda _: httpx.Response(503, json={"code": "unavailable"}))
    async with open_app_client(app) as client:
        world.client = client
        answers = [await world.post(path, by=applicant) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
