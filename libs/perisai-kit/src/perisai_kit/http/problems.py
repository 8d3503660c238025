"""Errors on the wire: RFC 9457 problem+json, in English or Indonesian.

Only this module knows status numbers. A problem contains a stable `code`, JSON pointers to wrong
fields, and the request id. It never contains a sent value, a trace or SQL.
"""

import math
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from perisai_kit.db.outage import is_outage
from perisai_kit.domain.errors import (
    BadRequest,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    list_errors,
)
from perisai_kit.http.validation import BodyRefused, WrongParameters, build_field_problems
from perisai_kit.runtime.log import get_logger

MEDIA_TYPE = "application/problem+json"
STATUS: dict[type[DomainError], int] = {
    BadRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Invalid: 422,
    PreconditionRequired: 428,
    TooMany: 429,
    Unavailable: 503,
}
log = get_logger()


class MethodNotAllowed(DomainError):
    code = "method_not_allowed"
    text = "This address does not support this method."
    text_id = "Alamat ini tidak mendukung metode tersebut."


class Internal(DomainError):
    code = "internal"
    text = "An error occurred on our side and was logged. Try again later."
    text_id = "Terjadi kesalahan di sistem kami dan sudah kami catat. Coba lagi nanti."


class BodyUnreadable(BadRequest):
    code = "body_unreadable"
    text = "The request body is not valid JSON."
    text_id = "Isi permintaan bukan JSON yang valid."


def get_status(error: DomainError | type[DomainError]) -> int:
    """Return the HTTP status of an error by its kind."""
    kinds = error.__mro__ if isinstance(error, type) else type(error).__mro__
    return next((STATUS[kind] for kind in kinds if kind in STATUS), 500)


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route: its errors by status, with their codes."""
    documented: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = documented.setdefault(get_status(error), {"description": "", **PROBLEM_CONTENT})
        entry["description"] = "; ".join(
            part for part in (entry["description"], f"`{error.code}`: {error.text}") if part
        )
    return documented


def with_headers(status: int, *names: str) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` for a route that sets these headers on its answer with this status."""
    return {status: {"headers": {name: {"schema": {"type": "string"}} for name in names}}}


PROBLEM_CONTENT: dict[str, Any] = {
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
COMMON_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A problem; its `code` says which.", **PROBLEM_CONTENT},
    **problems(Unavailable),
}


def choose_language(request: Request) -> str:
    """Return `id` if Accept-Language prefers Indonesian to English, else `en`.

    Old and unusual names of Indonesian, such as `in` and `id_ID`, are accepted, and languages whose
    speakers read Indonesian, such as Javanese. Unreadable parts are skipped.
    """
    best, best_q = "en", 0.0
    for part in request.headers.get("accept-language", "")[:200].split(","):
        tag, _, parameter = (text.strip() for text in part.partition(";"))
        name, _, weight = parameter.strip().partition("=")
        try:
            q = float(weight) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
        if not math.isfinite(q) or q <= best_q:
            continue
        primary = _PRIMARY_TAG.match(tag)
        offered = None if primary is None else _closest(primary[1].lower())
        if offered is not None:
            best, best_q = offered, q
    return best


OFFERED = ("en", "id")
# Only the primary tag is used, so that the cache stays small.
_PRIMARY_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]*)?\Z")


@cache  # tags of two and three letters are few
def _closest(primary: str) -> str | None:
    if primary in OFFERED:
        return primary
    # Its tables take 4 % of a process's start, and few ask for another language.
    from langcodes import closest_match  # noqa: PLC0415 - as just said

    found, _ = closest_match(primary, OFFERED)
    return found if found in OFFERED else None


def build_problem_body(
    error: DomainError,
    *,
    language: str,
    errors: Sequence[dict[str, Any]] = (),
    has_body: bool = True,
) -> dict[str, Any]:
    """Return the body of a problem, for services and the gateway's edge.

    has_body: False if a wrong field can only be a parameter.
    """
    title = error.text_id if language == "id" else error.text
    fields = list(errors)
    for each in (error, *error.others):
        place, where = "parameter", each.header or each.field
        if has_body and each.header is None:
            place, where = "pointer", where and point_to(where)
        if where is not None:
            detail = each.text_id if language == "id" else each.text
            fields.append({place: where, "code": each.code, "detail": detail})
    body = {
        "type": f"urn:perisai:problem:{error.code}",
        "title": title,
        "status": get_status(error),
        "detail": error.message if language == "en" else None,
        "code": error.code,
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        "errors": fields,
        "details": error.details,
    }
    return {name: value for name, value in body.items() if value not in (None, [], {})}


def point_to(field: str | None) -> str:
    """Return the JSON pointer of a dotted place in a body; the body itself without one."""
    return "" if field is None else "/" + field.replace(".", "/")


def build_problem_headers(error: DomainError) -> dict[str, str]:
    """Return the headers of a problem."""
    if isinstance(error, Unauthenticated):
        # Without a token, no error is named. Source: RFC 6750 3.1.
        error_name = "" if error.code == Unauthenticated.code else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="perisai"{error_name}'}
    if isinstance(error, TooMany | Unavailable):
        return {"Retry-After": str(error.retry_after_s)}
    if error.code == UnsupportedMedia.code:
        return {"Accept": "application/json"}  # RFC 9110 15.5.16
    if isinstance(error, UnsupportedMedia):
        return {"Accept-Encoding": "identity"}
    return {}


def build_problem_response(
    request: Request, error: DomainError, errors: Sequence[dict[str, Any]] = ()
) -> Response:
    """Return the answer to an error."""
    has_body = request.method not in {"GET", "HEAD", "DELETE"}
    preferred = choose_language(request)
    if isinstance(error, WrongParameters):
        errors = error.field_problems(preferred)
    body = build_problem_body(error, language=preferred, errors=errors, has_body=has_body)
    return JSONResponse(
        body,
        status_code=body["status"],
        headers=build_problem_headers(error),
        media_type=MEDIA_TYPE,
    )


def build_refusal(request: Request, error: DomainError | RequestValidationError) -> Response:
    """Return the answer for an error of a rule, or of the form of a request."""
    if isinstance(error, DomainError):
        return build_problem_response(request, error)
    raw = error.errors()
    fields = build_field_problems(raw, language=choose_language(request), content=error.body)
    refused = Invalid()
    if isinstance(error, BodyRefused):
        # A field of a wrong form is read as absent, which a rule may refuse as well.
        wrong = {each.get("pointer") for each in fields}
        found = list_errors(error.others)
        refused.others = [each for each in found if point_to(each.field) not in wrong]
    return build_problem_response(request, refused, fields)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError | RequestValidationError)
    return build_refusal(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    if isinstance(error.__cause__, DomainError):  # raised while FastAPI read the body
        return build_problem_response(request, error.__cause__)
    known: dict[int, DomainError] = {
        400: BodyUnreadable(),
        404: NotFound(),
        405: MethodNotAllowed(),
        413: TooLarge(),
    }
    response = build_problem_response(request, known.get(error.status_code, BadRequest()))
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        # Starlette names the methods of one route only; the address may have several.
        response.headers["Allow"] = ", ".join(_list_methods(request))
    return response


def _list_methods(request: Request) -> list[str]:
    """Return the methods of the address of a request."""
    routes = request.app.router.routes
    methods = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            each.matches({**request.scope, "method": method})[0] is Match.FULL for each in routes
        )
    ]
    return ["GET", "HEAD", *methods[1:]] if methods[:1] == ["GET"] else methods


def record_unexpected(error: Exception) -> DomainError:
    """Log an unexpected failure and return the problem that answers it."""
    if is_outage(error):
        log.warning("database.failed", error=type(error).__name__)
        return Unavailable(retry_after_s=2)
    log.error("request.failed", exc_info=error)
    return Internal()


async def _unexpected(request: Request, error: Exception) -> Response:
    return build_problem_response(request, record_unexpected(error))


async def _uncaught(request: Request, error: Exception) -> Response:
    answer = await _unexpected(request, error)
    answer.headers["Connection"] = "close"  # the error goes on to the server, which closes it
    return answer


STATUS[MethodNotAllowed] = 405


def install_problems(app: FastAPI) -> None:
    """Answer every error of this app with a problem."""
    app.add_exception_handler(DomainError, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _unexpected)
    app.add_exception_handler(PoolTimeout, _unexpected)
    app.add_exception_handler(ConnectionError, _unexpected)
    app.add_exception_handler(Exception, _uncaught)
