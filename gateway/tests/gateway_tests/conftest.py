"""What the gateway's tests share: an app on a database of its own, people, and real servers."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from gateway_tests.gateways import CHEAP, SERVICE_SECRET, Gateway, MakeGateway
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.edge.limits import RateClass
from gateway.settings import Settings
from gateway.throttles.service import Throttles
from perisai_kit.http.connections.watch import ConnectionLimits
from perisai_kit.http.protocol import ServerProtocol
from perisai_kit.runtime.log import configure_logging
from perisai_kit.testing.plugin import Databases, Tokens, Urls, Wire
from perisai_kit.testing.server import HOST, open_served_client, serve

BRANCHES = {"banyuwangi": "jatim", "jember": "jatim", "makassar": "sulsel"}
PARTNER = "0198c0de-0000-7000-8000-00000000000b"
WADAH = "0198c0de-0000-7000-8000-000000000001"
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


def answer_about_partners(request: httpx.Request) -> httpx.Response:
    """Answer as payment-service does, which knows `PARTNER`."""
    if request.url.path == f"/v1/bank-partners/{PARTNER}":
        return httpx.Response(200, json={"id": PARTNER, "name": "Bank Samudra"})
    return httpx.Response(404, json={"code": "bank_partner_not_found"})


@pytest.fixture(scope="session")
def shared_network(tokens: Tokens) -> Wire:
    return Wire(tokens)


@pytest.fixture
def network(shared_network: Wire, members: dict[str, list[dict[str, str]]]) -> Wire:
    """The services as the gateway asks them."""

    def look_up(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404, json={"code": "member_not_found"})
        phone = httpx.Response(200, content=request.content).json()["phone"]
        return httpx.Response(200, json={"members": members.get(phone, [])})

    shared_network.answer("member", look_up)
    shared_network.answer("agent", answer_about_offices)
    shared_network.answer("payment", answer_about_partners)
    return shared_network


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
async def make_gateway(
    gateway_settings: Callable[..., Settings], urls: Urls, network: Wire
) -> AsyncIterator[MakeGateway]:
    """Start a gateway with other settings: `await make_gateway(otp_sends_per_phone=2)`."""
    async with AsyncExitStack() as stack:

        async def make(**more: Any) -> Gateway:
            app = create_app(gateway_settings(urls, **more), http_transport=network)
            return Gateway(app, await stack.enter_async_context(open_served_client(app)))

        yield make


@pytest.fixture
async def real_gateway(make_gateway: MakeGateway) -> Gateway:
    """A gateway outside a sandbox, on the database of this run. Its messages go to `sender`."""
    return await make_gateway(
        sandbox=False,
        clock_file=None,
        otp_sender_url="http://sender/messages",
        otp_sender_secret="s",
    )


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
    parts = running_gateway.parts
    throttles = Throttles(parts.keyring, parts.settings)
    running_gateway.app.state.parts = replace(parts, throttles=throttles)
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
