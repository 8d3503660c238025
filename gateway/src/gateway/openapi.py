"""One document for the whole platform.

The services' documents are merged when the platform is built (`make openapi`) and the result is
part of this package, because the gateway does not import the services.
"""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

from gateway.edge.routes import SNAP_ENDINGS, Routes, Row, Upstream
from gateway.refusals import document_refusals

Document = dict[str, Any]
FILE_NAME = "openapi.json"
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
SECURITY_SCHEME = "access_token"
INFO: Document = {
    "title": "Perisai",
    "description": (
        "Agents, members, contributions and commissions of the Perisai programme. Errors are "
        "RFC 9457 problems; `x-problem-codes` lists every `code`. Money is whole rupiah, instants "
        "are RFC 3339 with an offset, months are `2026-11`."
    ),
}


def merge(
    documents: Mapping[str, Document],
    *,
    version: str,
    problem_codes: Mapping[str, Mapping[str, Any]],
    routes: Routes | None = None,
) -> Document:
    """Return one document of what the gateway lets through.

    documents: OpenAPI by the name of the service (`Upstream`). problem_codes: code → status and
    texts. Schemas that services define differently under one name get the service's name before.
    """
    routes = routes or Routes()
    paths: Document = {}
    schemas: Document = {}
    answers: Document = {}
    operation_ids: set[str] = set()
    for service, document in documents.items():
        document = _with_own_names(document, service, schemas)
        schemas.update(document.get("components", {}).get("schemas", {}))
        for path, item in document.get("paths", {}).items():
            if not _is_exposed(path, service, routes):
                continue
            row = routes.find(path)
            for operation in _operations(item):
                _secure(operation, row)
                document_refusals(operation, row, answers)
                _name(operation, service, operation_ids)
            paths[path] = item
    return {
        "openapi": "3.1.0",
        "info": {**INFO, "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {
            "responses": dict(sorted(answers.items())),
            "schemas": _used([paths, answers], schemas),
            "securitySchemes": {
                SECURITY_SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
        "x-problem-codes": {code: problem_codes[code] for code in sorted(problem_codes)},
    }


def own_document(app: FastAPI) -> Document:
    """Return the document of the gateway's own routes."""
    document: Document = app.openapi()
    return document


@dataclass(frozen=True, slots=True)
class Published:
    """The document as bytes, encoded once, and its ETag."""

    content: bytes
    etag: str


@cache
def published() -> Published | None:
    """Return the merged document of this package; None before the first `make openapi`."""
    file = files("gateway").joinpath(FILE_NAME)
    if not file.is_file():
        return None
    content = json.dumps(json.loads(file.read_text()), ensure_ascii=False, separators=(",", ":"))
    encoded = content.encode()
    return Published(encoded, f'"{hashlib.sha256(encoded).hexdigest()[:32]}"')


def as_text(document: Document) -> str:
    """Return the text that is committed: one form for one content."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _is_exposed(path: str, service: str, routes: Routes) -> bool:
    row = routes.find(path)
    if row is not None:
        return row.upstream == service
    return service == Upstream.PAYMENT and path.endswith(tuple(SNAP_ENDINGS))


def _operations(item: Document) -> Iterator[Document]:
    return (operation for method, operation in item.items() if method in METHODS)


def _secure(operation: Document, row: Row | None) -> None:
    if row is None or row.roles is None:
        operation["security"] = []
        return
    operation["security"] = [{SECURITY_SCHEME: []}]
    if row.roles:
        operation["x-roles"] = sorted(row.roles)


def _name(operation: Document, service: str, taken: set[str]) -> None:
    name = operation.get("operationId")
    if name is None:
        return
    if name in taken:
        name = operation["operationId"] = f"{service.replace('-', '_')}_{name}"
    taken.add(name)


def _with_own_names(document: Document, service: str, others: Document) -> Document:
    """Return a copy in which no schema has a name that means something else elsewhere."""
    schemas = document.get("components", {}).get("schemas", {})
    prefix = "".join(word.capitalize() for word in service.removesuffix("-service").split("-"))
    renamed = {name: f"{prefix}{name}" for name in _taken_otherwise(schemas, others)}
    copied: Document = _renamed(copy.deepcopy(document), renamed)
    if renamed:
        copied["components"]["schemas"] = {
            renamed.get(name, name): schema
            for name, schema in copied["components"]["schemas"].items()
        }
    return copied


def _taken_otherwise(schemas: Document, others: Document) -> set[str]:
    """Return the names that mean something else elsewhere, by their own words or by a part's."""
    common = schemas.keys() & others.keys()
    found = {name for name in common if others[name] != schemas[name]}
    while users := {
        name for name in common - found if not found.isdisjoint(_references(schemas[name]))
    }:
        found |= users
    return found


_REF = "#/components/schemas/"


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {key: _renamed(value, names) for key, value in node.items()}
        case list():
            return [_renamed(value, names) for value in node]
        case str() if node.startswith(_REF):
            name = node.removeprefix(_REF)
            return _REF + names.get(name, name)
        case _:
            return node


def _used(users: list[Document], schemas: Document) -> Document:
    """Return the schemas that these need, and those need."""
    wanted = set(_references(users))
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= set(_references(schemas.get(name, {}))) - found
    return {name: schemas[name] for name in sorted(found) if name in schemas}


def _references(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for value in node.values():
                yield from _references(value)
        case list():
            for value in node:
                yield from _references(value)
        case str() if node.startswith(_REF):
            yield node.removeprefix(_REF)
