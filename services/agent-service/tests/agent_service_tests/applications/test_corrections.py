from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from perisai_kit.auth.principal import Role
from perisai_kit.testing.plugin import Wire

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}
CORRECTED = {"bank_code": "014", "account_no": "9876543210", "account_holder_name": "Siti Aminah"}


async def correct(
    world: World, application: dict[str, Any], *, by: dict[str, str]
) -> httpx.Response:
    path = f"/v1/applications/{application['id']}/bank-account"
    return await world.client.put(path, json=CORRECTED, headers=by)


def own_account(application: dict[str, Any]) -> tuple[str, str | None]:
    (found,) = (
        each for each in application["requirements"] if each["requirement"] == "own_account"
    )
    return found["outcome"], found["reason_code"]


async def test_a_corrected_account_is_verified_anew(world: World) -> None:
    application = await world.apply()
    await world.step(application, "verification")

    corrected = (await correct(world, application, by=world.officer)).json()
    verified = await world.step(application, "verification")

    assert corrected["status"] == "docs_incomplete"
    assert own_account(corrected) == ("unmet", "account_not_verified_again")
    assert corrected["account_no"] == "******3210"
    assert corrected["history"][0]["reason_code"] == "account_corrected"
    assert (verified["status"], own_account(verified)) == ("verified", ("met", None))
    path, asked = world.neighbours.asked[-1]
    assert (path, asked["account_no"]) == ("/v1/account-verifications", "9876543210")


async def test_applicants_correct_their_own_and_nobody_else_but_the_branch(world: World) -> None:
    applicant = world.applicant()
    application = await world.apply(by=applicant)

    own = await correct(world, application, by=applicant)
    outsider = await correct(world, application, by=world.outsider)
    auditor = await correct(world, application, by=world.tokens.make(Role.AUDITOR, scope=BWI))

    assert own.status_code == 200
    assert (outsider.status_code, auditor.status_code) == (404, 403)


async def test_a_corrected_account_is_approved_by_another_officer(world: World) -> None:
    application = await world.examined()
    await correct(world, application, by=world.officer)

    unverified = await world.post(
        f"applications/{application['id']}/approval",
        by=world.tokens.make(Role.BRANCH_OFFICER, scope=BWI),
    )
    await world.step(application, "verification")
    own = await world.post(f"applications/{application['id']}/approval", by=world.officer)
    other = await world.step(
        application, "approval", by=world.tokens.make(Role.BRANCH_OFFICER, scope=BWI)
    )

    assert unverified.json()["code"] == "requirements_unmet"
    assert (own.status_code, own.json()["code"]) == (403, "approver_corrected_account")
    assert other["status"] == "active"
    accounts = await world.get("bank-accounts", by=world.officer, holder_id=other["agent_id"])
    assert [each["account_no"] for each in accounts.json()["items"]] == ["******3210"]


async def test_an_answer_about_the_earlier_account_does_not_count(world: World, wire: Wire) -> None:
    application = await world.apply()

    class CorrectedMeanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await correct(world, application, by=world.officer)
            return httpx.Response(200, json={"designated": True, "outcome": "match"})

    wire.mount("payment", CorrectedMeanwhile())

    verified = await world.step(application, "verification")

    assert own_account(verified) == ("unmet", "account_not_verified_again")


@pytest.mark.parametrize("end", ["withdrawal", "approval"])
async def test_an_ended_application_keeps_its_account(world: World, end: str) -> None:
    applicant = world.applicant()
    application = await world.examined(by=applicant)
    await world.step(application, end, by=applicant if end == "withdrawal" else None)

    answer = await correct(world, application, by=applicant)

    assert (answer.status_code, answer.json()["code"]) == (409, "application_status")
