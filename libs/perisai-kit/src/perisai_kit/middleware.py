"""Around every request: a request id, a body limit, one access line and the metrics."""

import re
import time
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perisai_kit.access import method_of, record_answered
from perisai_kit.auth import Principal
from perisai_kit.errors import TooLarge, UnsupportedMedia
from perisai_kit.ids import new_id_text
from perisai_kit.problems import problem_response

ID_HEADER = b"x-request-id"
GONE = 499
"""How a request is recorded that never got an answer, because its connection was closed."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id_of(scope: Scope) -> str:
    """Return the id the client gave the request, or a new one."""
    for name, value in scope["headers"]:
        if name == ID_HEADER:
            given = value.decode("latin-1")
            if _ID.fullmatch(given):
                return str(given)
    return new_id_text()


class RequestContext:
    """Gives each request its id, and leaves one line and its metrics behind.

    What stands before it may have put `request_id` and `principal` into the request's state.

    Addresses are logged as the route's template, so that no id or typed text of a path, and no
    query, ever stands in a log or a metric.
    """

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state.get("request_id") or request_id_of(scope)
        state["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service=self.service, request_id=request_id)
        if isinstance(principal := state.get("principal"), Principal):
            structlog.contextvars.bind_contextvars(account_id=principal.subject)
        started = time.perf_counter()
        status = GONE

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (ID_HEADER, request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            status = 500 if status == GONE else status
            raise
        finally:
            self._record(scope, status, request_id, started)

    def _record(self, scope: Scope, status: int, request_id: str, started: float) -> None:
        record_answered(
            service=self.service,
            event="http.answered",
            method=method_of(scope["method"]),
            route=getattr(scope.get("route"), "path", "unmatched"),
            status=status,
            seconds=time.perf_counter() - started,
            request_id=request_id,
            account_id=structlog.contextvars.get_contextvars().get("account_id"),
        )


class EncodingUnsupported(UnsupportedMedia):
    """A small body may unpack to a huge one, so none is unpacked."""

    code = "content_encoding_unsupported"
    text = "Send the request body without compression."
    text_id = "Kirim isi permintaan tanpa kompresi."


class HeadAsGet:
    """Answers HEAD as GET, without the body. Source: RFC 9110 9.3.2."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, send_head)


class BodyLimit:
    """Refuses a body that is compressed, or of more than `limit` bytes, stated or not."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
            await problem_response(Request(scope), EncodingUnsupported())(scope, receive, send)
            return
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.limit:
            await problem_response(Request(scope), TooLarge())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message: Any = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise TooLarge
            return message  # type: ignore[no-any-return]  # a message is a mapping of anything

        await self.app(scope, counted, send)
