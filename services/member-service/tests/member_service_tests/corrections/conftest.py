"""A member to correct, the people who may correct the record, and a fake gateway."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from member_service.corrections.service import make_office
from member_service.corrections.tasks import CorrectionTasks
from member_service.members.models import Member
from member_service.settings import Settings
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import Urls

CODE, OLD_PHONE, NEW_PHONE = "123456", "+6281234567890", "+6281311112222"
SENDING, TRYING, NOTICES = (
    "/v1/confirmation-codes",
    "/v1/confirmation-codes/verification",
    "/v1/phone-notices",
)
Enrol = Callable[..., Awaitable[Member]]


class GatewayDouble:
    """A fake gateway. Every code is 123456. refusals: path → (status, code)."""

    def __init__(self, wire: Wire) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        for path in (SENDING, TRYING, NOTICES):
            wire.answer_at_gateway(path, self._answer)

    def phones(self, path: str) -> list[str]:
        return [body["phone"] for asked, body in self.asked if asked == path]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content)
        self.asked.append((path, body))
        if refusal := self.refusals.get(path):
            return httpx.Response(refusal[0], json={"code": refusal[1]})
        if path == TRYING:
            return httpx.Response(200, json={"confirmed": body["code"] == CODE})
        sent = {"expires_in": 300} if path == SENDING else {"id": body["id"]}
        return httpx.Response(202, json=sent)


@pytest.fixture(autouse=True)
def sms(wire: Wire) -> GatewayDouble:
    return GatewayDouble(wire)


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        return await enrol(session, phone=OLD_PHONE)


class Desk:
    """Takes the steps of a correction over HTTP."""

    def __init__(self, client: httpx.AsyncClient, member_id: UUID) -> None:
        self.client = client
        self.path = f"/v1/members/{member_id}/corrections"

    async def propose(
        self, by: Any, changes: dict[str, Any], *, if_match: str = "*", **more: Any
    ) -> httpx.Response:
        headers = {**by.headers, "If-Match": if_match}
        return await self.client.post(self.path, json={"changes": changes, **more}, headers=headers)

    async def proposed(self, by: Any, changes: dict[str, Any], **more: Any) -> str:
        answer = await self.propose(by, changes, **more)
        assert answer.status_code == 201, answer.text
        correction_id: str = answer.json()["id"]
        return correction_id

    async def step(
        self, by: Any, correction_id: str, name: str, body: Any = None
    ) -> httpx.Response:
        path = f"{self.path}/{correction_id}/{name}"
        return await self.client.post(path, json=body, headers=by.headers)

    async def confirm(self, by: Any, correction_id: str, code: str = CODE) -> httpx.Response:
        return await self.step(by, correction_id, "confirmation", {"code": code})

    async def approve(self, by: Any, correction_id: str) -> httpx.Response:
        return await self.step(by, correction_id, "approval", {"evidence": "KTP seen"})

    async def reject(self, by: Any, correction_id: str) -> httpx.Response:
        return await self.step(by, correction_id, "rejection", {"reason": "Nobody asked"})

    async def get(self, by: Any, correction_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"{self.path}/{correction_id}", headers=by.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def desk(client: httpx.AsyncClient, member: Member) -> Desk:
    return Desk(client, member.id)


@pytest.fixture
def second_officer(make_subject: Callable[..., Any], officer: Any) -> Any:
    return make_subject(Role.BRANCH_OFFICER, scope=officer.principal.scope)


@pytest.fixture
def member_subject(make_subject: Callable[..., Any], member: Member) -> Any:
    return make_subject(Role.MEMBER, member_id=member.id)


Advance = Callable[[], Awaitable[bool]]


@pytest.fixture
def advance(
    make_settings: Callable[..., Settings],
    shared_urls: Urls,
    keyring: Keyring,
    database: Database,
    wire: Wire,
) -> Advance:
    """Run the periodic task of the worker once, where its question finds something."""
    settings = make_settings(
        Settings, shared_urls, agent_url="http://agent", payment_url="http://payment"
    )
    tokens = TokenSource(
        gateway_url="http://gateway", client_id="m", client_secret="s", transport=wire
    )
    client = ServiceClient("http://gateway", tokens, transport=wire)
    tasks = CorrectionTasks(make_office(settings, keyring), client)

    async def run() -> bool:
        async with database.read() as session:
            is_due = await tasks.is_due(session)
        return is_due and await tasks.advance(database)

    return run
