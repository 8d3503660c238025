"""A member's telephone is changed by member-service with codes and notices of the real gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import gateway.app
import member_service.app
from gateway.settings import Settings as GatewaySettings
from gateway.tokens import issue_access_token
from gateway.worker import make_channels, make_periodic
from member_service.corrections.service import make_office
from member_service.settings import Settings as MemberSettings
from member_service.worker import periodic
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import Tokens, Wire
from perisai_kit.testing.plugin import BusinessTime, Databases, open_app_client

OLD, NEW = "+6281234567890", "+6281311112222"
BRANCH = Scope(ScopeKind.BRANCH, "banyuwangi", "jatim")
SECRET = "secret-of-member-service"
WORKER = {
    "nik": "3510111203900001",
    "full_name": "Slamet Riyadi",
    "birth_date": "1990-03-12",
    "place_of_birth": "Banyuwangi",
    "sex": "male",
    "address": {"street": "Jalan Ikan 3", "village": "Kalibaru", "district": "Kalibaru"},
    "occupations": ["fisher"],
    "declared_income": 1_000_000,
    "programmes": ["jkk", "jkm", "jht"],
    "consent": {"purpose_version": "2025-1", "given_at": "2025-01-02T08:00:00+07:00"},
    "new_to_bpu": False,
}


@dataclass(frozen=True)
class Pair:
    """The gateway and member-service, which talk to each other."""

    app: FastAPI
    gateway: httpx.AsyncClient
    members: httpx.AsyncClient
    member_app: FastAPI

    async def signed_in(self, *roles: Role, **more: Any) -> dict[str, str]:
        parts = self.app.state.parts
        principal = Principal(account_id=new_id(), roles=frozenset(roles), **more)
        token = await issue_access_token(
            parts.keys, parts.settings, principal, now=clock.real_now()
        )
        return {"Authorization": f"Bearer {token}"}

    async def outbox(self, phone: str) -> dict[str, Any]:
        answer = await self.gateway.post("/v1/sandbox/otp-outbox", json={"phone": phone})
        found: dict[str, Any] = answer.json()
        return found

    async def work(self) -> None:
        """Do what the workers of both do every few seconds."""
        kit = self.member_app.state.kit
        tasks = periodic(make_office(kit.settings, kit.keyring), self.member_app.state.gateway)
        (advance,) = [each for each in tasks if each.name == "corrections.advance"]
        await advance.run(kit.database)
        parts = self.app.state.parts
        channels = make_channels(parts.settings, None, parts.database, parts.keyring)
        (send,) = [
            each for each in make_periodic(parts.settings, channels) if each.name == "notices.send"
        ]
        await send.run(parts.database)

    async def enrol(self, agent: dict[str, str], phone: str, nik: str) -> str:
        declared = {"working": True, "declared_on": str(clock.today())}
        form = {**WORKER, "phone": phone, "nik": nik, "work_declaration": declared}
        headers = {**agent, "Idempotency-Key": str(new_id())}
        answer = await self.members.post("/v1/members", json=form, headers=headers)
        assert answer.status_code == 201, answer.text
        member_id: str = answer.json()["id"]
        return member_id

    async def propose(self, by: dict[str, str], member_id: str, phone: str, **more: Any) -> str:
        path = f"/v1/members/{member_id}/corrections"
        body = {"changes": {"phone": phone}, **more}
        answer = await self.members.post(path, json=body, headers={**by, "If-Match": "*"})
        assert answer.status_code == 201, answer.text
        return f"{path}/{answer.json()['id']}"

    async def phone_of(self, member_id: str, by: dict[str, str]) -> str:
        answer = await self.members.get(f"/v1/members/{member_id}/identity", headers=by)
        phone: str = answer.json()["phone"]
        return phone


@pytest.fixture(scope="module")
async def pair(
    databases: Databases, tokens: Tokens, make_settings: Callable[..., Any]
) -> AsyncIterator[Pair]:
    wire = Wire(tokens)
    async with AsyncExitStack() as stack:
        urls = {name: databases.clone(name) for name in ("gateway", "member")}
        for each in urls.values():
            stack.push_async_callback(asyncio.to_thread, databases.drop, each)
        addresses = {f"{name}_url": f"http://{name}" for name in ("agent", "member", "payment")}
        clients = {"member-service": SECRET}
        settings = make_settings(
            GatewaySettings, urls["gateway"], service_clients=clients, **addresses
        )
        app = gateway.app.create_app(settings, http_transport=wire)
        wire.mount("gateway", app)
        client = await stack.enter_async_context(open_app_client(app))
        settings = make_settings(
            MemberSettings,
            urls["member"],
            client_secret=SECRET,
            agent_url="http://agent",
            payment_url="http://payment",
        )
        member_app = member_service.app.create_app(settings, http_transport=wire)
        members = await stack.enter_async_context(open_app_client(member_app))
        yield Pair(app, client, members, member_app)


async def agent_of(pair: Pair) -> dict[str, str]:
    return await pair.signed_in(Role.AGENT, agent_id=new_id(), wadah_id=new_id(), scope=BRANCH)


async def test_the_old_number_confirms_the_new_one(pair: Pair) -> None:
    agent = await agent_of(pair)
    member_id = await pair.enrol(agent, OLD, "3510111203900001")
    path = await pair.propose(agent, member_id, NEW)

    sent = await pair.members.post(f"{path}/code", headers=agent)
    code = (await pair.outbox(OLD))["codes"][0]
    to_the_new = await pair.outbox(NEW)
    wrong = f"{(int(code['code']) + 1) % 10**6:06}"
    refused = await pair.members.post(f"{path}/confirmation", json={"code": wrong}, headers=agent)
    confirmed = await pair.members.post(
        f"{path}/confirmation", json={"code": code["code"]}, headers=agent
    )

    assert sent.status_code == 202, sent.text
    assert code["purpose"] == "confirmation"
    assert to_the_new["codes"] == []
    assert (refused.status_code, refused.json()["code"]) == (422, "confirmation_code_wrong")
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "applied")
    assert await pair.phone_of(member_id, agent) == NEW


async def test_without_the_old_number_two_officers_change_it_after_a_notice_to_it(
    pair: Pair, business_time: BusinessTime
) -> None:
    lost, found = "+6281277770000", "+6281277770001"
    agent = await agent_of(pair)
    officers = [await pair.signed_in(Role.BRANCH_OFFICER, scope=BRANCH) for _ in range(2)]
    member_id = await pair.enrol(agent, lost, "3510111203900002")
    path = await pair.propose(officers[0], member_id, found, evidence="KTP seen")
    evidence = {"evidence": "KTP and family card seen"}
    await pair.members.post(f"{path}/approval", json=evidence, headers=officers[1])

    await pair.work()
    outbox = await pair.outbox(lost)
    before = await pair.phone_of(member_id, agent)
    business_time.at(clock.now() + timedelta(hours=73))
    await pair.work()

    assert [each["template"] for each in outbox["notices"]] == ["member_phone_changing"]
    assert (before, await pair.phone_of(member_id, officers[0])) == (lost, found)
