"""What the gateway's tests share: an app on a database of its own, people, and real servers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.types import ASGIApp

from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind
from gateway.app import create_app
from gateway.edge.limits import RateClass
from gateway.parts import Parts
from gateway.passwords import OPERATOR, HashCost, hash_password
from gateway.settings import Settings
from gateway.throttles.rules import Refusals
from gateway.tokens import issue_access_token
from gateway.worker import make_channels, make_periodic
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.connections.watch import ConnectionLimits
from perisai_kit.http.protocol import ServerProtocol
from perisai_kit.runtime.log import configure_logging
from perisai_kit.testing.plugin import Databases, Tokens, Urls, Wire
from perisai_kit.testing.server import HOST, open_served_client, serve

PASSWORD = "correct horse battery"
PHONE = "+6281234567890"
DEVICE = "phone-1"
COUNTRY = Scope(ScopeKind.COUNTRY)
BRANCHES = {"banyuwangi": "jatim", "jember": "jatim", "makassar": "sulsel"}
WADAH = "0198c0de-0000-7000-8000-000000000001"
SERVICE_SECRET = "secret-of-the-service"
CHEAP = HashCost(kib=8, passes=1)
"""The least that argon2id can do; only a sandbox takes it."""
EMPTYING = """
DELETE FROM sessions;
DELETE FROM accounts;
DELETE FROM otp_challenges;
DELETE FROM otp_outbox;
DELETE FROM throttle_counts;
DELETE FROM known_devices;
DELETE FROM account_changes;
DELETE FROM account_notices;
DELETE FROM agent_accounts;
DELETE FROM confirmation_codes;
DELETE FROM notice_outbox;
DELETE FROM idempotency_keys;
DELETE FROM read_audits;
DELETE FROM subscriptions;
"""
"""Not TRUNCATE, which makes new files for each table and index, however few rows it had."""


@pytest.fixture(autouse=True)
def logging() -> None:
    """What an app does at its start: parts of the edge are tested without one, and log too."""
    configure_logging(service="gateway")


@pytest.fixture(scope="session")
def shared_urls(databases: Databases) -> Urls:
    return databases.shared("gateway")


@pytest.fixture(scope="session")
async def owner(shared_urls: Urls) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection that may delete everything."""
    connection = await asyncpg.connect(shared_urls.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def urls(shared_urls: Urls, owner: "asyncpg.Connection[Any]") -> Urls:
    """The shared database of this run, without accounts."""
    await owner.execute(EMPTYING)
    return shared_urls


@pytest.fixture
def fresh_urls(own_database: Callable[[str], Urls]) -> Urls:
    """A database that no gateway has used yet."""
    return own_database("gateway")


@pytest.fixture(scope="session")
def known_members() -> dict[str, list[dict[str, str]]]:
    return {}


@pytest.fixture
def members(
    known_members: dict[str, list[dict[str, str]]],
) -> dict[str, list[dict[str, str]]]:
    """What member-service knows: telephone number → people. A test fills it."""
    known_members.clear()
    return known_members


def answer_about_offices(request: httpx.Request) -> httpx.Response:
    """Answer as agent-service does, which knows `BRANCHES` and `WADAH`."""
    branches = [{"code": code, "region_code": region} for code, region in BRANCHES.items()]
    if request.url.path == "/v1/wadah-names":
        known = [{"wadah_id": WADAH, "name": "Nelayan"}]
        asked = json.loads(request.content)["wadah_ids"]
        return httpx.Response(200, json={"items": [e for e in known if e["wadah_id"] in asked]})
    if request.url.path == "/v1/branches":
        wanted = request.url.params["region_code"]
        found = [each for each in branches if each["region_code"] == wanted]
        return httpx.Response(200, json={"items": found[:1], "next_cursor": None})
    code = request.url.path.removeprefix("/v1/branches/")
    for each in branches:
        if each["code"] == code:
            return httpx.Response(200, json=each)
    return httpx.Response(404, json={"code": "branch_not_found"})


@pytest.fixture(scope="session")
def shared_network(tokens: Tokens) -> Wire:
    return Wire(tokens)


@pytest.fixture
def network(shared_network: Wire, members: dict[str, list[dict[str, str]]]) -> Wire:
    """The services as the gateway asks them."""

    def look_up(request: httpx.Request) -> httpx.Response:
        phone = httpx.Response(200, content=request.content).json()["phone"]
        return httpx.Response(200, json={"members": members.get(phone, [])})

    shared_network.answer("member", look_up)
    shared_network.answer("agent", answer_about_offices)
    return shared_network


@dataclass
class Gateway:
    """One gateway in this process, and a client of it."""

    app: FastAPI
    client: httpx.AsyncClient
    hashes: list[str] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        parts: Parts = self.app.state.parts
        return parts

    async def signed_in(self, *roles: Role, **more: Any) -> dict[str, str]:
        """Return the Authorization header of a subject, signed with the gateway's own key."""
        account_id = more.pop("account_id", None) or new_id()
        principal = Principal(account_id=account_id, roles=frozenset(roles), **more)
        token = await issue_access_token(
            self.parts.keys, self.parts.settings, principal, now=clock.real_now()
        )
        return {"Authorization": f"Bearer {token}"}

    async def staff(
        self,
        username: str = "officer",
        *,
        role: Role = Role.ADMIN,
        scope: Scope | None = COUNTRY,
        totp_secret: str | None = None,
    ) -> Account:
        """Create a staff account with `PASSWORD`, for the whole country if nothing else is said."""
        if not self.hashes:
            self.hashes.append(await hash_password(PASSWORD, by=OPERATOR, cost=CHEAP))
        account = Account(
            id=new_id(),
            kind=AccountKind.STAFF,
            username=username,
            password_hash=self.hashes[0],
            display_label="An officer",
            roles=[role],
            scope_kind=scope.kind if scope else None,
            scope_code=scope.code if scope else None,
            scope_region=scope.region if scope else None,
            totp_secret=totp_secret,
            totp_confirmed_at=clock.real_now() if totp_secret else None,
            created_at=clock.real_now(),
        )
        async with self.parts.database.begin() as session:
            session.add(account)
        return account

    async def code(self, phone: str = PHONE, device_id: str = DEVICE) -> str:
        """Ask for a code and read it from the outbox."""
        sent = await self.client.post("/v1/auth/otp", json={"phone": phone, "device_id": device_id})
        assert sent.status_code == 202, sent.text
        outbox = await self.client.post("/v1/sandbox/otp-outbox", json={"phone": phone})
        code: str = outbox.json()["codes"][0]["code"]
        return code

    async def waiters(self, number: int) -> None:
        """Return once this many transactions on the database wait for a lock."""
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(20):
            while True:
                async with self.parts.database.read() as session:
                    if await session.scalar(waiting) == number:
                        return
                await asyncio.sleep(0.01)

    async def send_notices(self) -> None:
        """Do what the worker does every few seconds."""
        database = self.parts.database
        settings = self.parts.settings
        channels = make_channels(settings, None, database, self.parts.keyring)
        tasks = {each.name: each for each in make_periodic(settings, channels)}
        await tasks["notices.send"].run(database)

    async def notices_to(self, phone: str) -> list[str]:
        """Return the templates of the notices that a number got, newest first."""
        read = await self.client.post("/v1/sandbox/otp-outbox", json={"phone": phone})
        return [each["template"] for each in read.json()["notices"]]

    async def mails_to(self, email: str) -> list[str]:
        """Return the templates of the notices that an address got, newest first."""
        read = await self.client.post("/v1/sandbox/mail-outbox", json={"email": email})
        return [each["template"] for each in read.json()["notices"]]

    async def history(self, account_id: object) -> list[dict[str, Any]]:
        """Return what was done to an account, newest first, as an administrator reads it."""
        answer = await self.client.get(
            f"/v1/accounts/{account_id}/history", headers=await self.signed_in(Role.ADMIN)
        )
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def token(self, **grant: Any) -> httpx.Response:
        return await self.client.post("/v1/auth/token", json=grant)

    async def otp_grant(self, phone: str = PHONE, **more: Any) -> dict[str, Any]:
        device_id = more.pop("device_id", DEVICE)
        code = await self.code(phone, device_id)
        return {
            "grant_type": "otp",
            "phone": phone,
            "code": code,
            "device_id": device_id,
            **more,
        }

    async def otp_session(self, phone: str = PHONE) -> dict[str, Any]:
        """Sign in with a code; return the answer's JSON."""
        answer = await self.token(**await self.otp_grant(phone))
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def refresh(self, refresh_token: str, device_id: str | None = DEVICE) -> httpx.Response:
        grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if device_id is not None:
            grant["device_id"] = device_id
        return await self.client.post("/v1/auth/token", json=grant)


@pytest.fixture(scope="session")
def gateway_settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    def make(urls: Urls, **more: Any) -> Settings:
        if more.get("sandbox", True):
            cheap = {"password_hash_kib": CHEAP.kib, "password_hash_passes": CHEAP.passes}
            more = {**cheap, **more}
        values: dict[str, Any] = {
            "agent_url": "http://agent",
            "member_url": "http://member",
            "payment_url": "http://payment",
            "service_clients": {"payment-service": SERVICE_SECRET},
            "database_pool_size": 5,
            **more,
        }
        return make_settings(Settings, urls, **values)

    return make


@pytest.fixture
async def real_gateway(
    gateway_settings: Callable[..., Settings], urls: Urls, network: Wire
) -> AsyncIterator[Gateway]:
    """A gateway outside a sandbox, on the database of this run. Its messages go to `sender`."""
    settings = gateway_settings(
        urls,
        sandbox=False,
        clock_file=None,
        otp_sender_url="http://sender/messages",
        otp_sender_secret="s",
    )
    app = create_app(settings, http_transport=network)
    async with open_served_client(app) as client:
        yield Gateway(app, client)


@pytest.fixture(scope="session")
async def running_gateway(
    gateway_settings: Callable[..., Settings], shared_urls: Urls, shared_network: Wire
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(shared_urls, rate_limits=dict.fromkeys(RateClass, 1_000_000))
    app = create_app(settings, http_transport=shared_network)
    async with open_served_client(app) as client:
        yield Gateway(app, client)


@pytest.fixture
async def gateway(running_gateway: Gateway, urls: Urls, network: Wire) -> Gateway:
    """The shared gateway of this run, without accounts and cached refusals."""
    running_gateway.app.state.parts = replace(running_gateway.parts, refusals=Refusals())
    return running_gateway


class Impatient(ServerProtocol):
    """The protocol of production, with times that a test can wait for."""

    limits = ConnectionLimits(head_s=2, body_s=3, body_bytes_a_second=50_000, write_s=2)


@asynccontextmanager
async def _serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app over real HTTP, as in production, on a free port; give its address."""
    async with serve(app, protocol=Impatient) as port:
        yield f"http://{HOST}:{port}"


@pytest.fixture(scope="session", name="serving")
def serving_fixture() -> Callable[[ASGIApp], AbstractAsyncContextManager[str]]:
    """Serve an app on a real port: `async with serve(app) as url`."""
    return _serving
