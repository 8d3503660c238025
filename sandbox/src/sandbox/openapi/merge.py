"""One document for the whole platform, of what the gateway lets through."""

from collections.abc import Mapping
from typing import Any

from gateway.edge.routes import SNAP_ENDINGS, Routes, Upstream
from sandbox.openapi import snap
from sandbox.openapi.operations import (
    SECURITY_SCHEMES,
    document_answers,
    document_unchanged,
    header_components,
    keep_one_body,
    operations,
    secure,
)
from sandbox.openapi.schemas import (
    Document,
    add_schemas,
    publish,
    restore_nulls,
    used_schemas,
)
from sandbox.openapi.tags import TAGS, tag_of

INFO: Document = {
    "title": "Perisai",
    "description": (
        "Agents, members, contributions and commissions of the Perisai programme. Errors are "
        "RFC 9457 problems; `x-problem-codes` lists every `code`. Money is whole rupiah, instants "
        "are RFC 3339 with an offset, months are `2026-11`. `x-roles` lists the roles that may "
        "call an operation; without it every signed-in account may, except a `bank_engineer` "
        "outside of /v1/me."
    ),
    "contact": {"name": "The Perisai platform team"},
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
SERVERS = [{"url": "/", "description": "The gateway that serves this document."}]


def merge(
    documents: Mapping[str, Document],
    *,
    version: str,
    problem_codes: Mapping[str, Mapping[str, Any]],
) -> Document:
    """Return one document of what the gateway lets through.

    documents: of `describe`, by the name of the service (`Upstream`). problem_codes: code → status
    and texts. Raises: NameClash; ValueError for an operationId that is there twice; KeyError for a
    resource without a tag.
    """
    routes = Routes()
    paths: Document = {}
    schemas: Document = {}
    answers: Document = {}
    operation_ids: set[str] = set()
    for service, document in documents.items():
        document = publish(document)
        add_schemas(schemas, document)
        for path, item in document.get("paths", {}).items():
            if not _is_exposed(path, service, routes):
                continue
            row = routes.find(path)
            for operation in operations(item):
                secure(operation, row)
                keep_one_body(operation)
                document_answers(operation, row, answers)
                _name(operation, operation_ids)
            if "get" in item:
                document_unchanged(item["get"], answers)
            paths[path] = item
    restore_nulls(schemas)
    return {
        "openapi": "3.1.0",
        "info": {**INFO, "version": version},
        "servers": SERVERS,
        "tags": [{"name": tag.name, "description": tag.description} for tag in TAGS],
        "paths": dict(sorted(paths.items())),
        "components": {
            "headers": header_components(),
            "responses": dict(sorted(answers.items())),
            "schemas": used_schemas([paths, answers], schemas),
            "securitySchemes": {**SECURITY_SCHEMES, **snap.SECURITY_SCHEMES},
        },
        "x-problem-codes": {code: problem_codes[code] for code in sorted(problem_codes)},
    }


def _name(operation: Document, taken: set[str]) -> None:
    """Put an operation into its group. taken: the operationIds of all; takes this one in."""
    operation_id = operation["operationId"]
    if operation_id in taken:
        raise ValueError(f"two operations are called {operation_id}")
    taken.add(operation_id)
    operation["tags"] = [tag_of(operation_id)]


def _is_exposed(path: str, service: str, routes: Routes) -> bool:
    row = routes.find(path)
    if row is not None:
        return row.upstream == service
    return service == Upstream.PAYMENT and path.endswith(tuple(SNAP_ENDINGS))
