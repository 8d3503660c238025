"""One document for the whole platform.

The services' documents are merged when the platform is built (`make openapi`) and the result is
part of this package, because the gateway does not import the services.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

from gateway.edge.admission import RateLimited
from gateway.edge.body import BodiesFull
from gateway.edge.headers import RequestUnreadable
from gateway.edge.limits import TooManyAtOnce
from gateway.edge.relay import UpstreamAway, UpstreamBusy, UpstreamFailed, UpstreamLate
from gateway.edge.routes import SNAP_ENDINGS, Routes, Row, Upstream
from gateway.openapi.rules import (
    Document,
    name_operation,
    operations,
    used_schemas,
    with_own_names,
)
from perisai_kit.auth.tokens import AuthorizationRepeated, TokenExpired, TokenInvalid
from perisai_kit.domain.errors import (
    DomainError,
    Forbidden,
    Invalid,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from perisai_kit.http.body import EncodingUnsupported
from perisai_kit.http.problems import COMMON_RESPONSES, BodyUnreadable, get_status, problems
from perisai_kit.http.transaction import (
    REQUIRED_MARK,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
)
from perisai_kit.http.validation import ParameterRepeated, ParameterUnknown

FILE_NAME = "openapi.json"
SECURITY_SCHEME = "access_token"
ANY_PROBLEM = "4XX"
"""How a service's own document names them all; the kit writes it."""
RETRY_AFTER = {"Retry-After": "Whole seconds after which another try makes sense."}
HEADERS = {
    get_status(Unauthenticated): {"WWW-Authenticate": "Bearer, with the problem's code."},
    get_status(TooMany): RETRY_AFTER,
    get_status(Unavailable): RETRY_AFTER,
}
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
) -> Document:
    """Return one document of what the gateway lets through.

    documents: OpenAPI by the name of the service (`Upstream`). problem_codes: code → status and
    texts. Schemas that services define differently under one name get the service's name before.
    """
    routes = Routes()
    paths: Document = {}
    schemas: Document = {}
    answers: Document = {}
    operation_ids: set[str] = set()
    for service, document in documents.items():
        document = with_own_names(document, service, schemas)
        schemas.update(document.get("components", {}).get("schemas", {}))
        for path, item in document.get("paths", {}).items():
            if not _is_exposed(path, service, routes):
                continue
            row = routes.find(path)
            for operation in operations(item):
                _secure(operation, row)
                _document_refusals(operation, row, answers)
                name_operation(operation, service, operation_ids)
            paths[path] = item
    return {
        "openapi": "3.1.0",
        "info": {**INFO, "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {
            "responses": dict(sorted(answers.items())),
            "schemas": used_schemas([paths, answers], schemas),
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
    """The document as bytes, encoded and compressed once, and its ETag."""

    content: bytes
    compressed: bytes
    etag: str


@cache
def published() -> Published | None:
    """Return the merged document of this package; None before the first `make openapi`."""
    file = files("gateway.openapi").joinpath(FILE_NAME)
    if not file.is_file():
        return None
    content = json.dumps(json.loads(file.read_text()), ensure_ascii=False, separators=(",", ":"))
    encoded = content.encode()
    compressed = gzip.compress(encoded, mtime=0)
    return Published(encoded, compressed, f'"{hashlib.sha256(encoded).hexdigest()[:32]}"')


def as_text(document: Document) -> str:
    """Return the text that is committed: one form for one content."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _is_exposed(path: str, service: str, routes: Routes) -> bool:
    row = routes.find(path)
    if row is not None:
        return row.upstream == service
    return service == Upstream.PAYMENT and path.endswith(tuple(SNAP_ENDINGS))


def _secure(operation: Document, row: Row | None) -> None:
    if row is None or row.roles is None:
        operation["security"] = []
        return
    operation["security"] = [{SECURITY_SCHEME: []}]
    if row.roles:
        operation["x-roles"] = sorted(row.roles)


def _document_refusals(operation: Document, row: Row | None, shared: dict[str, Document]) -> None:
    """Add to an operation what the gateway and the kit may answer, and no range of statuses.

    So an answer with a status that stands nowhere is a bug that a program can find.
    row: None is never refused. shared: takes the answers that operations have in common, for
    `components/responses`.
    """
    answers = operation["responses"]
    answers.pop(ANY_PROBLEM, None)
    if row is not None and answers.get("503") == COMMON_RESPONSES[503]:
        del answers["503"]  # ours says that, and more
    for status, common in problems(*_refusals(operation, row)).items():
        own = answers.get(str(status))
        if own is None:
            name = _named(common, shared, status)
            answers[str(status)] = {"$ref": f"#/components/responses/{name}"}
        elif common["description"] not in own["description"]:
            own["description"] = f"{own['description']}; {common['description']}"
    for status, answer in answers.items():
        if "$ref" not in answer:
            _add_headers(answer, status)


def _named(answer: Document, shared: dict[str, Document], status: int | str) -> str:
    """Return the name of an answer among those that are shared."""
    _add_headers(answer, status)
    name = next((name for name, each in shared.items() if each == answer), None)
    if name is None:
        same_status = sum(name.startswith(str(status)) for name in shared)
        name = f"{status}-{same_status + 1}"
        shared[name] = answer
    return name


def _add_headers(answer: Document, status: int | str) -> None:
    if names := HEADERS.get(int(status)):
        answer["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in names.items()
        }


def _refusals(operation: Document, row: Row | None) -> Iterator[type[DomainError]]:
    if row is None:
        return
    yield from (RateLimited, Unavailable, TooManyAtOnce, ParameterUnknown)
    if row.roles is not None:
        yield from (Unauthenticated, TokenExpired, TokenInvalid, Forbidden)
        yield AuthorizationRepeated
    if row.upstream is not Upstream.GATEWAY:
        yield from (RequestUnreadable, UpstreamAway, UpstreamBusy, UpstreamFailed, UpstreamLate)
    if "requestBody" in operation:
        yield from (BodyUnreadable, TooLarge, EncodingUnsupported, BodiesFull)
    if "requestBody" in operation or operation.get("parameters"):
        yield Invalid
    if any(each["in"] == "query" for each in operation.get("parameters", ())):
        yield ParameterRepeated
    if operation.get(REQUIRED_MARK):
        yield from (IdempotencyKeyRequired, IdempotencyKeyInvalid)
        yield from (IdempotencyKeyInUse, IdempotencyKeyReused)
