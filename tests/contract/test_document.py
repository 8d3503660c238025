"""The document of the API says what the routes do."""

from collections.abc import Iterator
from typing import Any

import pytest
from contract.roles import EVERY_SERVICE, PUBLIC, ROUTES, SIGNED_IN
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

import gateway.app
from gateway.edge.routes import Routes
from sandbox.openapi.platform import SERVICES, build_app

WRITTEN = [
    (service, route)
    for service, table in ROUTES.items()
    for route in table
    if route not in EVERY_SERVICE
]
SETS_CACHE_CONTROL_ONLY = {"auth.create_token", "auth.get_keys"}


@pytest.mark.parametrize(("service", "route"), WRITTEN)
def test_an_operation_names_the_roles_that_the_table_of_routes_has(
    document: dict[str, Any], service: str, route: str
) -> None:
    method, path = route.split(" ")
    allowed = ROUTES[service][route]
    row = Routes().find(path)
    assert row is not None
    assert row.roles is not PUBLIC
    assert allowed is not PUBLIC

    operation = document["paths"][path][method.lower()]

    expected = allowed & row.roles if row.roles else allowed
    assert operation.get("x-roles", sorted(SIGNED_IN)) == sorted(expected)
    assert operation["security"] == [{"access_token": []}, {"sign_in": []}]


def test_an_operation_is_public_exactly_where_the_gateway_asks_for_no_token(
    document: dict[str, Any],
) -> None:
    for path, item in document["paths"].items():
        row = Routes().find(path)
        if row is None:
            continue  # of a bank, which signs
        for operation in item.values():
            assert (operation["security"] == []) == (row.roles is None), path


def routes_of(app: FastAPI) -> Iterator[Any]:
    """Yield the documented routes of an app."""
    for context in iter_route_contexts(app.routes):
        route: Any = context
        if isinstance(context.original_route, APIRoute) and route.include_in_schema:
            yield route


@pytest.mark.parametrize(
    "module", [gateway.app, *SERVICES.values()], ids=lambda each: each.__name__
)
def test_a_route_that_sets_headers_says_which(module: Any) -> None:
    routes = list(routes_of(build_app(module)))
    assert routes

    for route in routes:
        if route.unique_id in SETS_CACHE_CONTROL_ONLY:
            continue
        sets_headers = route.dependant.response_param_name is not None
        declared = route.responses.get(route.status_code or 200, {}).get("headers", {})
        assert bool(declared) == sets_headers, route.unique_id


def test_names_are_those_of_a_client(document: dict[str, Any]) -> None:
    names = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    schemas = document["components"]["schemas"]

    assert len(set(names)) == len(names)
    assert [name for name in names if not name.replace(".", "_").isidentifier()] == []
    assert {name.count(".") for name in names} == {1}
    assert [name for name in schemas if not name.isidentifier() or "_" in name] == []
    assert [name for name, schema in schemas.items() if schema["title"] != name] == []
    assert {"QuoteLine", "CommissionLine", "MemberPage"} < schemas.keys()
    assert {"members.list", "bills.issue", "auth.create_token"} < set(names)
