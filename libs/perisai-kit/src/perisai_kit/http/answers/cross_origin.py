"""CORS: the origins, methods and headers that are allowed."""

from collections.abc import Awaitable, Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from perisai_kit.domain.errors import Forbidden
from perisai_kit.http.problems import MEDIA_TYPE, build_problem_body, get_status

LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
"""The origins of front ends in development, and of apps in a web view (https://localhost)."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-Id",
    "traceparent",
    "tracestate",
)
EXPOSED_HEADERS = (
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)


class CrossOriginRefused(Forbidden):
    code = "cross_origin_refused"
    text = "A page of this origin may not ask this; its origin, method or a header is not allowed."
    text_id = "Halaman dari asal ini tidak diizinkan; periksa asal, metode, dan header permintaan."


class CrossOrigin:
    """Answers every preflight, before rate limits and authentication."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str] = (), localhost: bool) -> None:
        """origins: allowed ones.

        localhost: whether pages of this machine are allowed on any port.
        """
        self.app = app
        self._cors = _Cors(
            app,
            allow_origins=origins,
            allow_origin_regex=LOCALHOST if localhost else None,
            allow_methods=METHODS,
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            for name, _ in scope["headers"]:
                if name == b"origin":
                    return self._cors(scope, receive, send)
        return self.app(scope, receive, send)


class _Cors(CORSMiddleware):
    """Requests that pages send: Starlette's layer, with our refusal of a preflight."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        refused = CrossOriginRefused()
        vary = {"Vary": answer.headers["vary"]}
        body = build_problem_body(refused, language="en")
        return JSONResponse(body, get_status(refused), headers=vary, media_type=MEDIA_TYPE)
