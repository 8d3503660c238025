"""What the gateway adds to an operation of a service: who is let in, refusals, headers."""

from collections.abc import Iterator, Mapping
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
from perisai_kit.http.paging import CursorInvalid
from perisai_kit.http.problems import COMMON_RESPONSES, BodyUnreadable, get_status, problems
from perisai_kit.http.transaction import (
    KEY_HEADER,
    REQUIRED_MARK,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ReplayForbidden,
)
from perisai_kit.http.validation import ParameterRepeated, ParameterUnknown
from sandbox.openapi.describe import ROLES
from sandbox.openapi.schemas import Document

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
SECURITY_SCHEME = "access_token"
SIGN_IN_SCHEME = "sign_in"
TOKEN_URL = "/v1/auth/token"
SECURITY_SCHEMES: Document = {
    SECURITY_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token, such as an app gets for a one-time code.",
    },
    SIGN_IN_SCHEME: {
        "type": "oauth2",
        "description": "Staff: user name and password. Services: client id and secret.",
        "flows": {
            "password": {"tokenUrl": TOKEN_URL, "refreshUrl": TOKEN_URL, "scopes": {}},
            "clientCredentials": {"tokenUrl": TOKEN_URL, "scopes": {}},
        },
    },
}
"""Two ways to the same token: with the second the reference signs in by itself."""
JSON = "application/json"
ANY_PROBLEM = "4XX"
"""How a service's own document names them all; the kit writes it."""
HEADERS: dict[str, tuple[str, str]] = {
    "ETag": (
        "string",
        "Names what the answer shows, for If-None-Match. That of an object begins with its "
        "version, for If-Match of a change.",
    ),
    "Location": ("string", "The address of what was created."),
    "Idempotency-Replayed": (
        "string",
        "`true` where this is the stored answer to an earlier request with the same key.",
    ),
    "RateLimit": ("string", "What is left of your allowance; not sent to services."),
    "RateLimit-Policy": ("string", "Your allowance and its window; not sent to services."),
    "Retry-After": ("integer", "Whole seconds after which another try makes sense."),
    "WWW-Authenticate": ("string", 'Bearer; with error="invalid_token" where a token was refused.'),
    "X-Request-Id": ("string", "The id of this request in logs and problems."),
    "X-TIMESTAMP": ("string", "When the answer was made, as the bank's profile writes it."),
}
UNCHANGED = "Without a body: nothing has changed since the answer that `If-None-Match` names."
MAY_BE_MISSING = frozenset({"Idempotency-Replayed", "RateLimit", "RateLimit-Policy"})
"""From an answer that names them; the others are always there."""
OF_EVERY_ANSWER = ("RateLimit", "RateLimit-Policy", "X-Request-Id")
OF_STATUS = {
    str(get_status(Unauthenticated)): ("WWW-Authenticate", "X-Request-Id"),
    str(get_status(TooMany)): ("Retry-After", *OF_EVERY_ANSWER),
    str(get_status(Unavailable)): ("Retry-After", *OF_EVERY_ANSWER),
}


def operations(item: Mapping[str, Any]) -> Iterator[Document]:
    """Yield the operations of one path."""
    return (operation for method, operation in item.items() if method in METHODS)


def header_components() -> Document:
    """Return the headers for `components/headers`."""
    formats = {"integer": {"format": "int32", "minimum": 1}}
    return {
        name: {
            "description": text,
            "required": name not in MAY_BE_MISSING,
            "schema": {"type": kind, **formats.get(kind, {})},
        }
        for name, (kind, text) in sorted(HEADERS.items())
    }


def keep_one_body(operation: Document) -> None:
    """Describe a body as JSON only, where a form is taken too.

    Generators make one method per operation, and openapi-python-client 0.29 writes code that fails
    for two media types. The operation's text says what else it takes.
    """
    content = operation.get("requestBody", {}).get("content", {})
    for media_type in [each for each in content if each != JSON]:
        if JSON in content:
            del content[media_type]


def secure(operation: Document, row: Row | None) -> None:
    """Say who may call an operation: whom the gateway lets pass and the route allows.

    No `x-roles`: any signed-in account. An empty `security`: nobody needs to sign in.
    """
    allowed = set(operation.pop(ROLES, ()))
    if row is None:
        return  # of a bank, with a security of its own
    if row.roles is None:
        operation["security"] = []
        return
    operation["security"] = [{SECURITY_SCHEME: []}, {SIGN_IN_SCHEME: []}]
    roles = allowed & row.roles if allowed and row.roles else allowed or row.roles
    if roles:
        operation[ROLES] = sorted(roles)


def document_answers(operation: Document, row: Row | None, shared: dict[str, Document]) -> None:
    """Add to an operation what the gateway and the kit may answer, and the headers of answers.

    No range of statuses is left: an answer with a status that is not listed is a bug that a program
    can find. row: None is never refused. shared: takes the answers that operations have in common,
    for `components/responses`.
    """
    answers = operation["responses"]
    answers.pop(ANY_PROBLEM, None)
    if row is not None and answers.get("503") == COMMON_RESPONSES[503]:
        del answers["503"]  # ours says that, and more
    for status, common in problems(*_refusals(operation, row)).items():
        own = answers.get(str(status))
        if own is None:
            answers[str(status)] = {
                "$ref": f"#/components/responses/{_share(common, shared, status)}"
            }
        elif common["description"] not in own["description"]:
            own["description"] = f"{own['description']}; {common['description']}"
    if _takes_key(operation):
        _add_names(_success(answers), "Idempotency-Replayed")
    for status, answer in answers.items():
        if row is not None and "$ref" not in answer:
            _add_headers(answer, status)


def document_unchanged(operation: Document, shared: dict[str, Document]) -> None:
    """Add to a GET that answers JSON what the kit adds: an ETag, and 304 for a client that has it.

    shared: as in `document_answers`.
    """
    found = operation["responses"].get("200", {})
    if JSON in found.get("content", {}):
        _add_names(found, "ETag")
        unchanged: Document = {"description": UNCHANGED}
        _add_names(unchanged, "ETag")
        name = _share(unchanged, shared, 304)
        operation["responses"]["304"] = {"$ref": f"#/components/responses/{name}"}


def _takes_key(operation: Document) -> bool:
    """Tell whether an operation takes an Idempotency-Key."""
    return any(each["name"] == KEY_HEADER["name"] for each in operation.get("parameters", ()))


def _success(answers: Document) -> Document:
    status = min(answers)
    found: Document = answers[status]
    return found


def _share(answer: Document, shared: dict[str, Document], status: int | str) -> str:
    """Return the name of an answer among those that are shared."""
    _add_headers(answer, str(status))
    name = next((name for name, each in shared.items() if each == answer), None)
    if name is None:
        same_status = sum(name.startswith(str(status)) for name in shared)
        name = f"{status}-{same_status + 1}"
        shared[name] = answer
    return name


def _add_headers(answer: Document, status: str) -> None:
    own = answer.get("headers", {})
    _add_names(answer, *own, *OF_STATUS.get(status, OF_EVERY_ANSWER))


def _add_names(answer: Document, *names: str) -> None:
    headers = answer.setdefault("headers", {})
    for name in names:
        headers[name] = {"$ref": f"#/components/headers/{name}"}


def _refusals(operation: Document, row: Row | None) -> Iterator[type[DomainError]]:
    if row is None:
        return
    yield from (RateLimited, Unavailable, TooManyAtOnce, ParameterUnknown)
    if row.roles is not None:
        yield from (Unauthenticated, TokenExpired, TokenInvalid, Forbidden)
        yield AuthorizationRepeated
    if row.upstream is not Upstream.GATEWAY:
        yield from (RequestUnreadable, UpstreamAway, UpstreamBusy, UpstreamFailed, UpstreamLate)
    yield from _refusals_of_content(operation)


def _refusals_of_content(operation: Document) -> Iterator[type[DomainError]]:
    """Yield what is answered to a body, a parameter or a key that is wrong."""
    if "requestBody" in operation:
        yield from (BodyUnreadable, TooLarge, EncodingUnsupported, BodiesFull)
    parameters = operation.get("parameters", ())
    if "requestBody" in operation or parameters:
        yield Invalid
    if any(each["in"] == "query" for each in parameters):
        yield ParameterRepeated
    if any(each["name"] == "cursor" for each in parameters):
        yield CursorInvalid
    if operation.get(REQUIRED_MARK):
        yield IdempotencyKeyRequired
    if _takes_key(operation):
        yield from (IdempotencyKeyInvalid, IdempotencyKeyInUse, IdempotencyKeyReused)
        yield ReplayForbidden
