"""A member, an agent and a wadah's administrator, so that every role can be tried at once.

They come about as anybody would: enrolled by an officer, applied, verified, trained, approved.
Kept in people.json of the sandbox's folder; without that file they are made anew.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from perisai_kit.domain import clock
from perisai_kit.runtime.tls import get_ssl_context
from sandbox.demo.clients import TIMEOUT_S, Actor, Bank
from sandbox.demo.forms import application_body, exam_body, training_body, wadah_body
from sandbox.demo.people import Person, member_body, new_adult
from sandbox.demo.report import StepFailed
from sandbox.errors import SandboxError
from sandbox.vault import write_private_json

PEOPLE_FILE = "people.json"


@dataclass(frozen=True, slots=True)
class Desk:
    """The staff and the bank that take part."""

    gateway: httpx.AsyncClient
    bank: Bank
    bank_code: str
    admin: Actor
    officer: Actor
    second_officer: Actor


async def seed_people(
    folder: Path, *, gateway_url: str, bank_url: str, bank_code: str, passwords: dict[str, str]
) -> dict[str, Any]:
    """Return the sign-ins of the sandbox's people, made now where there are none.

    Raises: SandboxError with the request that was refused.
    """
    path = folder / PEOPLE_FILE
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    async with (
        httpx.AsyncClient(
            base_url=gateway_url, timeout=TIMEOUT_S, verify=get_ssl_context(), trust_env=False
        ) as gateway,
        httpx.AsyncClient(
            base_url=bank_url, timeout=TIMEOUT_S, verify=get_ssl_context(), trust_env=False
        ) as bank,
    ):

        async def staff(username: str) -> Actor:
            actor = Actor(gateway, device_id="sandbox-seed")
            await actor.sign_in_with_password(username, passwords[username])
            return actor

        try:
            desk = Desk(
                gateway,
                Bank(bank),
                bank_code,
                await staff("admin"),
                await staff("officer1"),
                await staff("officer2"),
            )
            people = await _make(desk)
        except StepFailed as error:
            raise SandboxError(f"The sandbox's people could not be made: {error}.") from None
    write_private_json(path, people)
    return people


async def _make(desk: Desk) -> dict[str, Any]:
    today = clock.today()
    wadah = await desk.officer.post("/v1/wadahs", wadah_body(today, "Rukun Nelayan Banyuwangi"))
    member, agent = new_adult(today), new_adult(today)
    for person in (member, agent):
        body = member_body(person, at=clock.now(), new_to_bpu=False)
        await desk.officer.post("/v1/members", body)
    await _appoint(desk, agent, wadah["id"])
    password = secrets.token_urlsafe(18)
    account = {
        "username": "wadah1",
        "password": password,
        "display_label": "Administrator of a wadah",
        "roles": ["wadah_admin"],
        "wadah_id": wadah["id"],
        "reason": "An account that every sandbox begins with.",
    }
    await desk.admin.post("/v1/accounts", account)
    return {
        "wadah1": {"role": "wadah_admin", "password": password, "wadah_id": wadah["id"]},
        "member": {"role": "member", "phone": member.phone},
        "agent": {"role": "agent", "phone": agent.phone},
    }


async def _appoint(desk: Desk, person: Person, wadah_id: str) -> None:
    today = clock.today()
    account_no = f"{secrets.randbelow(10**10):010d}"
    await desk.bank.open_account(
        bank_code=desk.bank_code, account_no=account_no, holder_name=person.full_name.upper()
    )
    applicant = Actor(desk.gateway, device_id="sandbox-phone")
    await applicant.sign_in_with_code(person)
    body = application_body(
        person, wadah_id=wadah_id, bank_code=desk.bank_code, account_no=account_no
    )
    path = f"/v1/applications/{(await applicant.post('/v1/applications', body))['id']}"
    await desk.officer.post(f"{path}/verification", {})
    await desk.officer.post(f"{path}/training", training_body(today))
    await desk.officer.post(f"{path}/exam", exam_body(today))
    await desk.second_officer.post(f"{path}/approval", {})
