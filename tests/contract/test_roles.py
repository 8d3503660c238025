"""Who may do what: every route with every role, with nobody, and with somebody else's objects.

The table in roles.py is written by hand, so that a route or a role that is added without thought
fails here.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from contract.conftest import MODULES, Platform
from contract.roles import COUNTRY_WIDE, PUBLIC, ROUTES, A, B, D, F, M, S, U, W, filled
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from fastapi.routing import APIRoute

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import Tokens
from sandbox.demo.people import member_body, new_adult

WALK = [(service, route) for service, table in ROUTES.items() for route in table]
BRANCH = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
REGION = {"kind": ScopeKind.REGION, "code": "JTM"}
COUNTRY = {"kind": ScopeKind.COUNTRY}
ELSEWHERE = {"kind": ScopeKind.BRANCH, "code": "MKS", "region": "SUL"}


def api_routes(routes: Any) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from api_routes(router.routes)


def described(app: FastAPI) -> set[str]:
    return {
        f"{method} {each.path}" for each in api_routes(app.routes) for method in each.methods or ()
    }


@pytest.mark.parametrize("service", ROUTES)
def test_the_table_names_every_route(platform: Platform, service: str) -> None:
    shown = {
        route
        for route in described(platform.apps[service])
        if "/snap/" not in route and "/openapi/v1.0/" not in route
    }

    assert shown == set(ROUTES[service])


@pytest.mark.parametrize(("service", "route"), WALK)
async def test_a_route_lets_in_its_roles_and_nobody_else(
    platform: Platform, tokens: Tokens, service: str, route: str
) -> None:
    method, path = route.split(" ")
    allowed = ROUTES[service][route]
    client = platform.clients[service]
    query = "?timeout=0" if path == "/feed" else ""
    address = filled(path) + query
    key = {"Idempotency-Key": "walk-00000001"}

    nobody = await client.request(method, address, headers=key)
    forged = await client.request(
        method, address, headers={**key, "Authorization": "Bearer e30.e30.e30"}
    )
    if allowed is PUBLIC:
        assert nobody.status_code == 200
        return
    assert nobody.status_code == 401
    assert forged.status_code == 401
    scope = COUNTRY if route in COUNTRY_WIDE[service] else BRANCH
    for role in Role:
        headers = {**key, **tokens.make(role, scope=scope, agent_id=new_id(), member_id=new_id())}
        answer = await client.request(method, address, headers=headers)
        is_refused = answer.status_code == 403 and answer.json()["code"] == "forbidden"
        assert is_refused == (role not in allowed), f"{role}: {answer.status_code}"


@pytest.mark.parametrize(
    ("service", "route"),
    [(service, route) for service, routes in COUNTRY_WIDE.items() for route in sorted(routes)],
)
async def test_what_concerns_the_country_is_refused_to_an_office_of_a_part_of_it(
    platform: Platform, tokens: Tokens, service: str, route: str
) -> None:
    method, path = route.split(" ")
    key = {"Idempotency-Key": "walk-00000002"}

    for role in ROUTES[service][route] or ():
        for scope in (BRANCH, REGION, None if role is not D else BRANCH):
            headers = {**key, **tokens.make(role, scope=scope)}
            answer = await platform.clients[service].request(method, filled(path), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), role


@pytest.fixture(scope="module")
async def objects(platform: Platform, tokens: Tokens) -> dict[str, str]:
    """One object of each kind, of an agent of BWI; by the name of its path parameter."""
    today = clock.today()
    agent_id, wadah_id = new_id(), new_id()
    agent = tokens.make(A, scope=BRANCH, agent_id=agent_id, wadah_id=wadah_id)
    admin = tokens.make(D, F, scope={"kind": ScopeKind.COUNTRY})
    officer = tokens.make(B, scope=BRANCH)
    found: dict[str, str] = {"own_agent_id": str(agent_id), "own_wadah_id": str(wadah_id)}

    branch = {"code": "BWI", "name": "Banyuwangi", "region_code": "JTM"}
    await made(platform, "agent", "/v1/branches", branch, admin)
    wadah = await made(platform, "agent", "/v1/wadahs", new_wadah(today), officer)
    found["wadah_id"] = wadah["id"]
    applicant = tokens.make(M, amr=("otp",), device_id="device-1", member_id=new_id())
    application = new_application(today, wadah["id"])
    path = "/v1/applications"
    found["application_id"] = (await made(platform, "agent", path, application, applicant))["id"]
    batch_id = str(new_id())
    rows = [member_body(new_adult(today), at=clock.now())]
    batch = await made(
        platform, "member", "/v1/enrolment-batches", {"batch_id": batch_id, "rows": rows}, agent
    )
    found |= {"batch_id": batch_id, "member_id": batch["rows"][0]["member_id"]}
    corrections = f"/v1/members/{found['member_id']}/corrections"
    correction = {"changes": {"phone": "0813 0000 0000"}}
    proposer = {**agent, "If-Match": "*"}
    found["correction_id"] = (await made(platform, "member", corrections, correction, proposer))[
        "id"
    ]
    partner = await made(platform, "payment", "/v1/bank-partners", new_partner(), admin)
    found["partner_id"] = partner["id"]
    activation = f"/v1/bank-partners/{partner['id']}/activation"
    second = tokens.make(F, scope=COUNTRY)
    await made(platform, "payment", activation, {}, {**second, "If-Match": "*"})
    bill = {"member_id": found["member_id"], "first_month": f"{today:%Y-%m}", "month_count": 1}
    issued = await made(platform, "payment", "/v1/bills", bill, agent)
    found |= {"bill_id": issued["id"], "order_id": issued["order_id"]}
    return found


async def made(
    platform: Platform, service: str, path: str, body: Any, headers: dict[str, str]
) -> dict[str, Any]:
    key = {"Idempotency-Key": str(new_id())}
    answer = await platform.clients[service].post(path, json=body, headers={**headers, **key})
    assert answer.status_code in {200, 201, 207}, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


def new_wadah(today: date) -> dict[str, Any]:
    return {
        "name": "Rukun Nelayan",
        "kind": "association",
        "legal_entity": False,
        "branch_code": "BWI",
        "agreement": {
            "number": "PKS/1",
            "starts_on": today.isoformat(),
            "ends_on": (today + timedelta(days=364)).isoformat(),
        },
    }


def new_application(today: date, wadah_id: str) -> dict[str, Any]:
    fisher = new_adult(today)
    return {
        "wadah_id": wadah_id,
        "nik": fisher.nik,
        "birth_date": fisher.birth_date.isoformat(),
        "full_name": fisher.full_name,
        "citizenship": "wni",
        "bank_code": "999",
        "account_no": "1234567890",
        "account_holder_name": fisher.full_name,
        "device_description": "Android phone",
        "not_bpjs_employee": True,
    }


def new_partner() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "name": "Bank",
        "profile": "generic-hmac",
        "company_code": "77777",
        "bank_code": "999",
        "public_key_pem": pem.decode(),
    }


OBJECT_ROUTES = [
    (service, route, name)
    for service, table in ROUTES.items()
    for route, roles in table.items()
    for name in ("wadah_id", "application_id", "member_id", "batch_id", "bill_id", "order_id")
    if route.startswith("GET") and "{" + name + "}" in route and roles != frozenset({S})
]
LISTS = [
    ("agent", "/v1/wadahs", "wadah_id"),
    ("agent", "/v1/applications", "application_id"),
    ("member", "/v1/members", "member_id"),
    ("payment", "/v1/bills", "bill_id"),
]


def make_unrelated_tokens(tokens: Tokens) -> dict[str, dict[str, str]]:
    """Return a token of every role that has no right to the objects."""
    return {
        "member": tokens.make(M, member_id=new_id()),
        "agent": tokens.make(
            A, scope=BRANCH, agent_id=new_id(), wadah_id=new_id(), member_id=new_id()
        ),
        "wadah_admin": tokens.make(W, wadah_id=new_id()),
        "branch_officer": tokens.make(B, scope=ELSEWHERE),
        "region_officer": tokens.make(B, scope={"kind": ScopeKind.REGION, "code": "SUL"}),
        "finance_officer": tokens.make(F, scope=ELSEWHERE),
        "auditor": tokens.make(U, scope=ELSEWHERE),
        "admin of another branch": tokens.make(D, scope=ELSEWHERE),
        "officer without a scope": tokens.make(B),
        "no role": tokens.make(),
    }


@pytest.mark.parametrize(("service", "route", "name"), OBJECT_ROUTES)
async def test_a_foreign_object_is_not_found(
    platform: Platform,
    tokens: Tokens,
    objects: dict[str, str],
    service: str,
    route: str,
    name: str,
) -> None:
    # A correction stands under its member, and has no place of its own.
    ids = {name: objects[name], "correction_id": objects["correction_id"]}
    address = filled(route.split(" ")[1], ids)
    client = platform.clients[service]
    insiders = [
        tokens.make(B, scope=BRANCH),
        tokens.make(B, scope={"kind": ScopeKind.REGION, "code": "JTM"}),
        tokens.make(B, scope={"kind": ScopeKind.COUNTRY}),
    ]

    for who, headers in make_unrelated_tokens(tokens).items():
        answer = await client.get(address, headers=headers)
        assert answer.status_code in {403, 404}, f"{who}: {answer.status_code}"
        assert objects[name] not in answer.text
    for headers in insiders:
        assert (await client.get(address, headers=headers)).status_code == 200


@pytest.mark.parametrize(("service", "path", "name"), LISTS)
async def test_a_list_holds_nothing_foreign(
    platform: Platform,
    tokens: Tokens,
    objects: dict[str, str],
    service: str,
    path: str,
    name: str,
) -> None:
    client = platform.clients[service]
    own = await client.get(path, headers=tokens.make(B, scope=BRANCH))
    public_names = {"wadah_id"}  # an applicant must be able to choose a wadah

    assert objects[name] in own.text
    for who, headers in make_unrelated_tokens(tokens).items():
        if name in public_names and who in {"member", "no role"}:
            continue
        answer = await client.get(path, headers=headers)
        assert answer.status_code in {200, 403}
        assert objects[name] not in answer.text, who


async def test_an_agent_acts_for_own_members_only(
    platform: Platform, tokens: Tokens, objects: dict[str, str]
) -> None:
    other = tokens.make(A, scope=BRANCH, agent_id=new_id(), wadah_id=new_id())
    month = f"{clock.today():%Y-%m}"
    asked = {"member_id": objects["member_id"], "first_month": month, "month_count": 1}
    key = {"Idempotency-Key": str(new_id())}
    payment, member = platform.clients["payment"], platform.clients["member"]
    path = f"/v1/members/{objects['member_id']}"

    answers: list[httpx.Response] = [
        await payment.post("/v1/quotes", json=asked, headers=other),
        await payment.post("/v1/bills", json=asked, headers={**other, **key}),
        await payment.post(
            f"/v1/bills/{objects['bill_id']}/cancellation",
            json={"reason": "member_request"},
            headers=other,
        ),
        await member.patch(path, json={"declared_income": 2_000_000}, headers=other),
        await member.post(
            f"{path}/work-declarations",
            json={"working": True, "declared_on": clock.today().isoformat()},
            headers=other,
        ),
    ]

    # 428 says that If-Match is missing, before the object is looked for.
    assert [answer.status_code for answer in answers[:3]] == [404, 404, 404]
    assert {answer.status_code for answer in answers[3:]} <= {404, 428}


def test_the_walk_covers_every_service() -> None:
    assert set(ROUTES) == set(MODULES)
