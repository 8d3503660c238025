"""Shared fixtures of agent-service: its app, fakes of other services, and subjects."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from agent_service.app import create_app
from agent_service.settings import Settings
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.testing.plugin import (
    Begun,
    BusinessTime,
    Databases,
    MakeApp,
    Step,
    Tokens,
    Urls,
    Wire,
    open_app_client,
)

MEMBER_URL, PAYMENT_URL = "http://member", "http://payment"
BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}
NAME = "Siti Aminah"

_serials = count(1)
_keys = count(1)


@pytest.fixture(scope="session")
def shared_urls(databases: Databases) -> Urls:
    return databases.shared("agent")


@pytest.fixture(scope="session")
def make_app(make_settings: Callable[..., Settings], shared_urls: Urls) -> MakeApp:
    """Build the app: on the test's own transaction, or with `urls` on a database of its own."""

    def make(
        *,
        database: Database | None = None,
        wire: Wire | None = None,
        urls: Urls | None = None,
        **more: Any,
    ) -> FastAPI:
        settings = make_settings(
            Settings, urls or shared_urls, member_url=MEMBER_URL, payment_url=PAYMENT_URL, **more
        )
        return create_app(settings, http_transport=wire, database=database)

    return make


def make_nik(born: date = date(1990, 3, 12)) -> str:
    """Make a NIK of Banyuwangi that is unique among the tests."""
    return f"351011{born:%d%m%y}{next(_serials):04}"


class Neighbours:
    """Fakes of member-service and payment-service, which know no people at first."""

    def __init__(self, wire: Wire) -> None:
        self.members: dict[str, UUID] = {}
        self.same_name = True
        self.account = {"designated": True, "outcome": "match"}
        self.member_status = 200
        self.payment_status = 200
        self.asked: list[tuple[str, dict[str, Any]]] = []
        wire.answer("member", self._member)
        wire.answer("payment", self._payment)

    def _member(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.asked.append((request.url.path, body))
        if self.member_status != 200:
            return httpx.Response(self.member_status, json={"code": "not_today"})
        member_id = self.members.get(body["nik"])
        found = {"found": member_id is not None, "member_id": member_id and str(member_id)}
        return httpx.Response(200, json={**found, "same_name": self.same_name})

    def _payment(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content)))
        if self.payment_status != 200:
            return httpx.Response(self.payment_status, json={"code": "not_today"})
        return httpx.Response(200, json=self.account)


class World:
    """Takes the steps from a branch to an agent, over HTTP."""

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens, neighbours: Neighbours) -> None:
        self.client = client
        self.tokens = tokens
        self.neighbours = neighbours
        self.member_id = new_id()
        """The member that applicants are by default."""
        self.admin = tokens.make(Role.ADMIN)
        self.officer = tokens.make(Role.BRANCH_OFFICER, scope=BWI)
        self.approver = tokens.make(Role.BRANCH_OFFICER, scope=BWI)
        """The officer who approves what `officer` has verified and examined."""
        self.outsider = tokens.make(
            Role.BRANCH_OFFICER, scope={"kind": "branch", "code": "SBY", "region": "JATIM"}
        )

    def applicant(self, **more: Any) -> dict[str, str]:
        """Return the headers of a member who signed in by OTP on their own device."""
        usual = {"amr": ("otp",), "device_id": "device-1", "member_id": self.member_id}
        return self.tokens.make(**{**usual, **more})

    async def post(
        self, path: str, body: Any = None, *, by: dict[str, str], key: str | None = None
    ) -> httpx.Response:
        headers = {**by, "Idempotency-Key": key or f"test-key-{next(_keys):08}"}
        return await self.client.post(f"/v1/{path}", json=body, headers=headers)

    async def get(self, path: str, *, by: dict[str, str], **params: Any) -> httpx.Response:
        return await self.client.get(f"/v1/{path}", params=params, headers=by)

    async def ok(self, path: str, body: Any = None, *, by: dict[str, str]) -> dict[str, Any]:
        answer = await self.post(path, body, by=by)
        assert answer.status_code in {200, 201}, answer.text
        given: dict[str, Any] = answer.json()
        return given

    async def branch(self, code: str = "BWI", region_code: str = "JATIM") -> dict[str, Any]:
        body = {"code": code, "name": f"Kantor Cabang {code}", "region_code": region_code}
        answer = await self.post("branches", body, by=self.admin)
        assert answer.status_code in {201, 409}, answer.text
        return body

    def new_wadah(self, **differences: Any) -> dict[str, Any]:
        today = clock.today()
        agreement = {
            "number": "PKS/1/2026",
            "starts_on": (today - timedelta(days=30)).isoformat(),
            "ends_on": (today + timedelta(days=300)).isoformat(),
        }
        return {
            "name": "Paguyuban Nelayan Muncar",
            "kind": "association",
            "legal_entity": False,
            "branch_code": "BWI",
            "agreement": agreement,
            **differences,
        }

    async def wadah(self, **differences: Any) -> dict[str, Any]:
        await self.branch()
        return await self.ok("wadahs", self.new_wadah(**differences), by=self.admin)

    async def new_application(self, **differences: Any) -> dict[str, Any]:
        if "wadah_id" not in differences:
            differences["wadah_id"] = (await self.wadah())["id"]
        body = {
            "nik": make_nik(),
            "full_name": NAME,
            "citizenship": "wni",
            "bank_code": "009",
            "account_no": "1234567890",
            "account_holder_name": NAME.upper(),
            "device_description": "Android 14",
            "not_bpjs_employee": True,
            **differences,
        }
        self.neighbours.members.setdefault(body["nik"], self.member_id)
        return body

    async def apply(
        self, *, by: dict[str, str] | None = None, **differences: Any
    ) -> dict[str, Any]:
        body = await self.new_application(**differences)
        return await self.ok("applications", body, by=by or self.applicant())

    async def step(
        self, application: dict[str, Any], name: str, body: Any = None, *, by: Any = None
    ) -> dict[str, Any]:
        """Take one step, such as `verification`, and return the application after it."""
        path = f"applications/{application['id']}/{name}"
        usual = self.approver if name == "approval" else self.officer
        return await self.ok(path, body, by=by or usual)

    async def examined(self, **differences: Any) -> dict[str, Any]:
        """Return an application that lacks only its approval."""
        today = clock.today().isoformat()
        application = await self.apply(**differences)
        await self.step(application, "verification")
        training = {"completed_on": today, "certificate_no": "SERT/7/2026"}
        await self.step(application, "training", training)
        return await self.step(application, "exam", {"taken_on": today, "passed": True})

    async def agent(self, **differences: Any) -> dict[str, Any]:
        """Return an agent in office."""
        application = await self.examined(**differences)
        approved = await self.step(application, "approval")
        answer = await self.get(f"agents/{approved['agent_id']}", by=self.officer)
        agent: dict[str, Any] = answer.json()
        return agent


@pytest.fixture
def neighbours(wire: Wire) -> Neighbours:
    return Neighbours(wire)


@dataclass(frozen=True)
class Acted:
    """What an act has made, and what the world knows since."""

    made: Any
    member_id: UUID
    members: dict[str, UUID]


@dataclass(frozen=True)
class Act:
    """A step: what is done in a world, at an instant or now."""

    do: Callable[[World], Awaitable[Any]]
    at: datetime | None
    make_app: MakeApp
    tokens: Tokens
    clock_file: Path

    async def __call__(self, database: Database, _: None) -> Acted:
        if self.at is not None:
            BusinessTime(self.clock_file).at(self.at)
        wire = Wire(self.tokens)
        async with open_app_client(self.make_app(database=database, wire=wire)) as client:
            world = World(client, self.tokens, Neighbours(wire))
            made = await self.do(world)
        return Acted(made, world.member_id, world.neighbours.members)


MakeStep = Callable[..., Step]


@pytest.fixture
def make_step(make_app: MakeApp, tokens: Tokens, clock_file: Path) -> MakeStep:
    """Make a step of the beginning of tests: `make_step(do, at=instant)`."""

    def make(do: Callable[[World], Awaitable[Any]], *, at: datetime | None = None) -> Step:
        return Act(do, at, make_app, tokens, clock_file)

    return make


@pytest.fixture
def made(begun: Begun) -> Any:
    """What the beginning has made."""
    return begun.made.made


@pytest.fixture
async def world(
    client: httpx.AsyncClient, tokens: Tokens, neighbours: Neighbours, begun: Begun
) -> World:
    """The world, after the beginning of the test."""
    world = World(client, tokens, neighbours)
    if begun.made:
        world.member_id = begun.made.member_id
        neighbours.members.update(begun.made.members)
    return world


@pytest.fixture
def events(database: Database) -> Callable[[], Any]:
    """Read what this test has published: (type, data) in order."""

    async def read() -> list[tuple[str, dict[str, Any]]]:
        async with database.read() as session:
            rows = (await session.scalars(select(EventRow).order_by(EventRow.seq))).all()
        return [(row.type, row.data) for row in rows]

    return read
