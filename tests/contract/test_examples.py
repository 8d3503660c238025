"""Every example body of the document is sent, and is refused for no field."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from contract.conftest import ADDRESSES, Platform
from contract.document_words import examples
from contract.roles import COMBINED, filled

import gateway.app
from gateway.edge.routes import Routes, Upstream
from gateway.settings import Settings
from gateway.tokens import issue_access_token
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Databases, Tokens, Wire, open_app_client

Call = Callable[[str, str, Any], Any]
REFUSED_FOR_ITS_FORM = {"invalid", "body_unreadable", "parameter_unknown"}
SHOWN = ("ETag", "Location", "Idempotency-Replayed")


def _answer_about_branches(request: httpx.Request) -> httpx.Response:
    """Answer that there is each branch that is asked about; `test_offices.py` asks the service."""
    code = request.url.path.rpartition("/")[2]
    return httpx.Response(200, json={"code": code, "region_code": "JTM"})


@pytest.fixture(scope="module")
async def own_gateway(
    databases: Databases, make_settings: Callable[..., Any], tokens: Tokens
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """A gateway, and the sign-in of somebody who may do everything there."""
    urls = databases.clone("gateway")
    cheap = {"password_hash_kib": 8, "password_hash_passes": 1}
    settings: Settings = make_settings(Settings, urls, service_clients={}, **cheap, **ADDRESSES)
    wire = Wire(tokens)
    wire.answer("agent", _answer_about_branches)
    app = gateway.app.create_app(settings, http_transport=wire)
    async with open_app_client(app) as client:
        country = Scope(ScopeKind.COUNTRY)
        principal = Principal(account_id=new_id(), roles=COMBINED, scope=country)
        keys = app.state.parts.keys
        token = await issue_access_token(keys, settings, principal, now=clock.real_now())
        yield client, {"Authorization": f"Bearer {token}"}
    databases.drop(urls)


@pytest.fixture
def send(
    platform: Platform,
    own_gateway: tuple[httpx.AsyncClient, dict[str, str]],
    tokens: Tokens,
) -> Call:
    """Send a body to an address: `await send(method, path, body)`."""
    country = {"kind": ScopeKind.COUNTRY}
    everybody = tokens.make(
        *COMBINED, scope=country, agent_id=new_id(), amr=("otp",), device_id="device-1"
    )
    wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=new_id(), amr=("pwd",))

    async def call(method: str, path: str, body: Any) -> httpx.Response:
        row = Routes().find(path)
        assert row is not None
        client, headers = own_gateway
        if row.upstream is not Upstream.GATEWAY:
            client = platform.clients[row.upstream.value.removesuffix("-service")]
            headers = everybody
        address = filled(path).replace("{account_id}", str(new_id())).replace("{kid}", "none")
        for each in (headers, wadah):
            sent = {**each, "Idempotency-Key": str(new_id()), "If-Match": '"1"'}
            answer = await client.request(method, address, json=body, headers=sent)
            if answer.status_code != 403 or row.upstream is Upstream.GATEWAY:
                break
        return answer

    return call


async def test_no_example_is_refused_for_a_field_and_answers_are_as_documented(
    send: Call, document: dict[str, Any]
) -> None:
    wrong: dict[str, Any] = {}
    succeeded = set()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            if "requestBody" not in operation or name.startswith("snap"):
                continue
            for body in examples(document, operation):
                answer = await send(method, path, body)
                said = operation["responses"].get(str(answer.status_code))
                if answer.is_success:
                    succeeded.add(name)
                    declared = {each for each in said["headers"] if each in {"ETag", "Location"}}
                    if declared != {each for each in SHOWN if each in answer.headers}:
                        wrong[name] = dict(answer.headers)
                elif said is None or answer.json()["code"] in REFUSED_FOR_ITS_FORM:
                    wrong[name] = answer.json()

    assert wrong == {}
    assert {"accounts.create", "wadahs.register", "branches.open", "auth.request_code"} <= succeeded
