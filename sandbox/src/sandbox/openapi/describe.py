"""What the routes of one process say of themselves beyond what the framework writes down."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from perisai_kit.auth.principal import Role
from perisai_kit.http.transaction import KEY_HEADER, REQUIRED_MARK, WRITING, TransactionRoute
from sandbox.openapi.schemas import Document

ROLES = "x-roles"


def describe(app: FastAPI) -> Document:
    """Return the document of an app, with the roles of each operation and where keys are taken.

    `x-roles` is the list that `require` of the route holds: empty for any signed-in account, left
    out where nobody needs to sign in.
    """
    document: Document = app.openapi()
    for context in iter_route_contexts(app.routes):
        route: Any = context
        is_route = isinstance(context.original_route, APIRoute)
        if not is_route or not route.include_in_schema:
            continue
        required = list(_required_roles(route.dependant))
        if not required:
            continue
        limiting = [roles for roles in required if roles]
        for method in route.methods:
            operation = document["paths"][route.path_format][method.lower()]
            operation[ROLES] = sorted(frozenset.intersection(*limiting)) if limiting else []
            takes_key = isinstance(context.original_route, TransactionRoute) and method in WRITING
            if takes_key and not operation.get(REQUIRED_MARK):
                operation["parameters"] = [*operation.get("parameters", []), KEY_HEADER]
    return document


def _required_roles(dependant: Dependant) -> Iterator[frozenset[Role]]:
    """Yield the roles of each `require` among the dependencies of a route."""
    roles = getattr(dependant.call, "allowed_roles", None)
    if roles is not None:
        yield frozenset(roles)
    for inner in dependant.dependencies:
        yield from _required_roles(inner)
