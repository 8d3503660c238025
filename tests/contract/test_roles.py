"""Who may do what: every route with every role, with nobody, and with every scope.

The tables in roles.py and scopes.py are written by hand, so that a route, a role or a scope that is
added without thought fails here.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from contract.bodies import QUERIES, make_body
from contract.conftest import MODULES, Platform
from contract.objects import Maker
from contract.reach import BRANCH, COUNTRY, OWN, PEOPLE, SCOPES, Outcome, Reach, Rule
from contract.roles import PUBLIC, ROUTES, A, E, M, S, W, filled
from contract.scopes import RULES
from contract.two_people import TWO_PEOPLE
from fastapi import FastAPI
from fastapi.routing import APIRoute

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import Tokens

ABOUT_ONESELF = {"own_case", "own_record"}
"""Refused because the decision is about the person who decides, however many others agree."""
WALK = [(service, route) for service, table in ROUTES.items() for route in table]


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


@pytest.fixture(scope="module")
def by_role(tokens: Tokens) -> dict[Role, dict[str, str]]:
    """A sign-in of every role, for the whole country."""
    ids: dict[str, Any] = {"agent_id": new_id(), "member_id": new_id(), "wadah_id": new_id()}
    return {role: tokens.make(role, scope=COUNTRY, **ids) for role in Role}


@pytest.mark.parametrize(("service", "route"), WALK)
async def test_a_route_refuses_every_other_role_and_nobody(
    platform: Platform, by_role: dict[Role, dict[str, str]], service: str, route: str
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
    for role in set(Role) - allowed:
        answer = await client.request(method, address, headers={**key, **by_role[role]})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), role


@pytest.fixture(scope="module")
async def maker(platform: Platform, tokens: Tokens) -> Maker:
    """One object of each kind, of an agent of BWI, and who made them."""
    made = Maker(platform, tokens)
    await made.make_all()
    return made


@pytest.fixture(scope="module")
def objects(maker: Maker) -> dict[str, str]:
    """The ids of the objects by the names of their parameters."""
    return {**maker.ids, "one_member": '"member_count":1,'}


def test_the_table_of_scopes_names_every_route() -> None:
    assert {service: set(rules) for service, rules in RULES.items()} == {
        service: set(routes) for service, routes in ROUTES.items()
    }


@pytest.fixture(scope="module")
def signed_in(tokens: Tokens, objects: dict[str, str]) -> dict[tuple[Role, str], dict[str, str]]:
    """A sign-in of every role with every scope; with OWN, of the objects' people."""
    own = {name: uuid.UUID(objects[name]) for name in ("member_id", "agent_id", "wadah_id")}
    others = {name: new_id() for name in own}
    claims = {M: ("member_id",), A: ("agent_id", "wadah_id"), W: ("wadah_id",)}
    found = {}
    for role in Role:
        for name, scope in {**SCOPES, OWN: BRANCH}.items():
            ids = own if name == OWN else others
            mine: dict[str, Any] = {claim: ids[claim] for claim in claims.get(role, ())}
            if role is E:
                partner_id = objects["partner_id"] if name == OWN else str(new_id())
                scope = {"kind": ScopeKind.BANK_PARTNER, "code": partner_id}
            found[role, name] = tokens.make(role, scope=scope, **mine)
    return found


FEW = (
    ("own branch", "another region"),
    ("another branch", "country"),
    ("own region", "no scope"),
)
"""What a role tries at a route in a short run: one scope that mostly reaches, and another."""


def scopes_of(rule: Rule, role: Role, turn: int, *, is_long: bool) -> Sequence[str]:
    """Return the scopes to try, where the answer can depend on them: all of them in a long run.

    turn: another number for each route, so that roles and routes take turns with the others.
    """
    if role is S:
        return ["no scope"]
    if role is E:
        return [OWN, "country"] if rule.of_bank else ["country"]
    if rule.reach is Reach.ANYWHERE:
        return ["another region"]
    if role in PEOPLE and rule.reach in {Reach.OBJECT, Reach.LIST}:
        return [OWN, "country"]
    turn += list(Role).index(role)
    return list(SCOPES) if is_long else FEW[turn % len(FEW)]


def read_outcome(answer: httpx.Response, shown: str) -> Outcome:
    """shown: what a list shows of the object; empty where the answer is about the object."""
    if shown and answer.status_code == 200:
        return Outcome.LISTED if shown in answer.text else Outcome.ABSENT
    named = {403: Outcome.FORBIDDEN, 404: Outcome.NOT_FOUND}
    return named.get(answer.status_code, Outcome.DONE)


@pytest.mark.parametrize(
    "is_long",
    [pytest.param(False, id="few"), pytest.param(True, id="all", marks=pytest.mark.soak)],
)
@pytest.mark.parametrize(
    ("service", "route"),
    [(service, route) for service, route in WALK if ROUTES[service][route] is not PUBLIC],
)
async def test_a_scope_reaches_as_far_as_the_table_says(
    *,
    platform: Platform,
    objects: dict[str, str],
    signed_in: dict[tuple[Role, str], dict[str, str]],
    service: str,
    route: str,
    is_long: bool,
) -> None:
    rule, roles = RULES[service][route], ROUTES[service][route] or frozenset()
    method, path = route.split(" ")
    # What the country decides is refused before it is looked for: nothing of it is changed here.
    is_unknown = rule.reach is Reach.COUNTRY and not rule.of_bank
    ids = {} if is_unknown else objects
    address = f"{filled(path, ids)}?{QUERIES.get(route, '').format(**objects, today=clock.today())}"
    body = make_body(route, objects, clock.today())
    expected, found = {}, {}
    turn = WALK.index((service, route))
    # People first: an officer's decision may end what they could still try.
    for role in sorted(roles, key=lambda each: (each not in PEOPLE, each)):
        for scope in scopes_of(rule, role, turn, is_long=is_long):
            headers = {"Idempotency-Key": str(new_id()), "If-Match": "*", **signed_in[role, scope]}
            answer = await platform.clients[service].request(
                method, address, json=body, headers=headers
            )
            expected[role, scope] = rule.expect(role, scope)
            found[role, scope] = read_outcome(answer, objects.get(rule.shows, ""))
            if is_unknown and found[role, scope] is Outcome.NOT_FOUND:
                found[role, scope] = Outcome.DONE

    assert found == expected


def test_every_refusal_of_the_first_person_is_in_the_table(platform: Platform) -> None:
    declared = {
        (service, f"{method} {route.path}", code)
        for service, app in platform.apps.items()
        for route in api_routes(app.routes)
        for method in route.methods or ()
        for code in re.findall(r"`(\w+)`", route.responses.get(403, {}).get("description", ""))
        if code.startswith(("own_", "second_")) and code not in ABOUT_ONESELF
    }
    rules = {
        (service, route): rule.second_person
        for service, table in RULES.items()
        for route, rule in table.items()
        if rule.second_person
    }

    assert declared == {(*where, code) for where, code in rules.items()}
    assert set(TWO_PEOPLE) == set(rules)


@pytest.mark.parametrize(("service", "route"), TWO_PEOPLE)
async def test_two_people_are_needed(
    platform: Platform, tokens: Tokens, maker: Maker, service: str, route: str
) -> None:
    act, code = TWO_PEOPLE[service, route], RULES[service][route].second_person
    first, second = (
        {**tokens.make(act.role, scope=act.scope), "Idempotency-Key": str(new_id())}
        for _ in range(2)
    )
    waiting = await act.begin(maker, first)
    client = platform.clients[service]

    alone, together = [
        await client.post(waiting.path, json=waiting.body, headers={**headers, "If-Match": "*"})
        for headers in (first, second)
    ]

    assert (alone.status_code, alone.json()["code"]) == (403, code)
    assert together.status_code == 200, together.text


def test_the_walk_covers_every_service() -> None:
    assert set(ROUTES) == set(MODULES)
