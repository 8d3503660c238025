"""The wadahs, their administrators, and everybody who applies to be an agent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from sandbox.demo.admission import Office, apply, ensure_wadah_account
from sandbox.demo.clients import Actor
from sandbox.demo.forms import AGREEMENT_DAYS, exam_body, training_body, wadah_body
from sandbox.demo.journey import until
from sandbox.demo.report import StepFailed
from sandbox.sample.plan import PlannedApplication, PlannedWadah

AGENT_WAIT_S = 30.0
"""How long a new agent may have to wait for the role."""
ATTEMPTS = 10
"""How often a request is sent that is answered 503: five processes begin on a busy machine."""
STEPS: Mapping[str, tuple[str, ...]] = {
    "applied": (),
    "docs_incomplete": ("docs_incomplete",),
    "verified": ("verified",),
    "training": ("verified", "training"),
    "exam_passed": ("verified", "training", "exam_passed"),
    "exam_failed": ("verified", "training", "exam_failed"),
    "active": ("verified", "training", "exam_passed", "active"),
    "rejected": ("rejected",),
    "withdrawn": ("withdrawn",),
}
"""The statuses that an application goes through after `applied`."""


@dataclass(frozen=True, kw_only=True)
class Desk(Office):
    """The office with an administrator, and a client for those who apply."""

    gateway: httpx.AsyncClient
    admin: Actor


async def ensure_wadah(desk: Desk, planned: PlannedWadah, *, today: date, password: str) -> str:
    """Return the id of a wadah; its agreements, account and administrator are made if missing."""
    known = (await desk.officer.get("/v1/wadahs", limit=200))["items"]
    wadah = next((each for each in known if each["name"] == planned.name), None)
    if wadah is None:
        wadah = await desk.officer.post(
            "/v1/wadahs", wadah_body(today, planned.name, pays=planned.pays)
        )
    await ensure_wadah_account(desk, wadah)
    described = await desk.officer.get(f"/v1/wadahs/{wadah['id']}")
    if len(described["agreements"]) == 1:
        await desk.officer.post(
            f"/v1/wadahs/{wadah['id']}/agreements", _next_agreement(described["agreements"][0])
        )
    known = (await desk.admin.get("/v1/accounts", username=planned.sign_in))["items"]
    if not known:
        known = [await desk.admin.post("/v1/accounts", _account(planned, wadah["id"], password))]
    if known[0]["email_masked"] is None:
        mail = {"email": planned.email, "reason": "An address that every sandbox begins with."}
        path = f"/v1/accounts/{known[0]['id']}/email"
        await desk.admin.call("PUT", path, json=mail, expect=(204,))
    return str(wadah["id"])


def _next_agreement(first: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agreement of the year after the first one."""
    starts_on = date.fromisoformat(first["ends_on"]) + timedelta(days=1)
    return {
        "number": f"{first['number']}/2",
        "starts_on": starts_on.isoformat(),
        "ends_on": (starts_on + timedelta(days=AGREEMENT_DAYS)).isoformat(),
        "pays": first["pays"],
    }


def _account(planned: PlannedWadah, wadah_id: str, password: str) -> dict[str, Any]:
    return {
        "username": planned.sign_in,
        "password": password,
        "display_label": f"Administrator of {planned.name}",
        "roles": ["wadah_admin"],
        "wadah_id": wadah_id,
        "reason": "An account that every sandbox begins with.",
    }


async def ensure_application(
    desk: Desk, planned: PlannedApplication, *, wadah_id: str, today: date
) -> Actor:
    """Bring an application to its status, from where it stands; return the applicant."""
    person = planned.member.person
    applicant = Actor(desk.gateway, device_id=f"phone-of-{planned.member.id}", attempts=ATTEMPTS)
    application = await apply(
        desk,
        applicant,
        person,
        wadah_id=wadah_id,
        # Nobody has two of these, so the NIK's digits make an account number of their own.
        account_no=person.nik[6:],
        has_account=planned.status != "docs_incomplete",
    )
    await _advance(desk, applicant, application, to=planned.status, today=today)
    return applicant


async def _advance(
    desk: Desk, applicant: Actor, application: Mapping[str, Any], *, to: str, today: date
) -> None:
    steps, status = STEPS[to], application["status"]
    path = f"/v1/applications/{application['id']}"
    for step in steps[steps.index(status) + 1 if status in steps else 0 :]:
        status = (await _decide(desk, applicant, path, step, today))["status"]
        if status != step:
            raise StepFailed(f"an application is {status} and not {step}")


async def _decide(desk: Desk, applicant: Actor, path: str, step: str, today: date) -> Any:
    match step:
        case "verified" | "docs_incomplete":
            return await desk.officer.post(f"{path}/verification", {})
        case "training":
            return await desk.officer.post(f"{path}/training", training_body(today))
        case "exam_passed":
            return await desk.officer.post(f"{path}/exam", exam_body(today))
        case "exam_failed":
            exam = {**exam_body(today), "passed": False, "score": 41}
            return await desk.officer.post(f"{path}/exam", exam)
        case "active":
            return await desk.second_officer.post(f"{path}/approval", {})
        case "rejected":
            reason = {"reason_code": "no_need", "reason": "The village has an agent."}
            return await desk.officer.post(f"{path}/rejection", reason)
        case "withdrawn":
            return await applicant.post(f"{path}/withdrawal", {"reason": "Moves away."})
    raise StepFailed(f"no way to {step}")


async def wait_for_role(agent: Actor) -> None:
    """Wait until a new agent's account has the role. Raises: StepFailed."""
    if await until(agent.is_agent, wait_s=AGENT_WAIT_S) >= AGENT_WAIT_S:
        raise StepFailed("an approved agent did not get the role")
