"""What any operation may be refused with, by its shape alone.

The document names these beside each route's own, and no range of statuses: so an answer with a
status that stands nowhere is a bug that a program can find.
"""

from collections.abc import Iterator
from typing import Any

from gateway.edge.admission import RateLimited
from gateway.edge.body import BodiesFull
from gateway.edge.headers import RequestUnreadable
from gateway.edge.limits import TooManyAtOnce
from gateway.edge.relay import UpstreamAway, UpstreamBusy, UpstreamFailed, UpstreamLate
from gateway.edge.routes import Row, Upstream
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
from perisai_kit.http.problems import COMMON_RESPONSES, BodyUnreadable, problems, status_of
from perisai_kit.http.transaction import (
    REQUIRED_MARK,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
)

ANY_PROBLEM = "4XX"
"""How a service's own document names them all; the kit writes it."""
RETRY_AFTER = {"Retry-After": "Whole seconds after which another try makes sense."}
HEADERS = {
    status_of(Unauthenticated): {"WWW-Authenticate": "Bearer, with the problem's code."},
    status_of(TooMany): RETRY_AFTER,
    status_of(Unavailable): RETRY_AFTER,
}


def document_refusals(
    operation: dict[str, Any], row: Row | None, shared: dict[str, dict[str, Any]]
) -> None:
    """Add to an operation what the gateway and the kit may answer.

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


def _named(answer: dict[str, Any], shared: dict[str, dict[str, Any]], status: int | str) -> str:
    """Return the name of an answer among those that are shared."""
    _add_headers(answer, status)
    name = next((name for name, each in shared.items() if each == answer), None)
    if name is None:
        same_status = sum(name.startswith(str(status)) for name in shared)
        name = f"{status}-{same_status + 1}"
        shared[name] = answer
    return name


def _add_headers(answer: dict[str, Any], status: int | str) -> None:
    if names := HEADERS.get(int(status)):
        answer["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in names.items()
        }


def _refusals(operation: dict[str, Any], row: Row | None) -> Iterator[type[DomainError]]:
    if row is None:
        return
    yield from (RateLimited, Unavailable, TooManyAtOnce)
    if row.roles is not None:
        yield from (Unauthenticated, TokenExpired, TokenInvalid, Forbidden)
        yield AuthorizationRepeated
    if row.upstream is not Upstream.GATEWAY:
        yield from (RequestUnreadable, UpstreamAway, UpstreamBusy, UpstreamFailed, UpstreamLate)
    if "requestBody" in operation:
        yield from (BodyUnreadable, TooLarge, EncodingUnsupported, BodiesFull)
    if "requestBody" in operation or operation.get("parameters"):
        yield Invalid
    if operation.get(REQUIRED_MARK):
        yield from (IdempotencyKeyRequired, IdempotencyKeyInvalid)
        yield from (IdempotencyKeyInUse, IdempotencyKeyReused)
